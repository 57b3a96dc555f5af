"""Shares of customers with their intervals: of one group (Wilson 1927), and the difference of two (Newcombe 1998)."""

from __future__ import annotations

from math import sqrt

Z_95 = 1.959963984540054


def wilson(successes: int, of: int, z: float = Z_95) -> tuple[float, float]:
    """The interval of a share; of nobody it is everything from 0 to 1."""
    if of == 0:
        return 0.0, 1.0
    share, n = successes / of, float(of)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    return low, 1.0 if successes == of else min(1.0, middle + half)


def newcombe(one: tuple[int, int], other: tuple[int, int]) -> tuple[float, float]:
    """The 95 % interval of the first share less the second (method 10); each is (successes, of how many), of some."""
    (a, m), (b, n) = one, other
    p, q = a / m, b / n
    (low_p, high_p), (low_q, high_q) = wilson(a, m), wilson(b, n)
    low = p - q - sqrt((p - low_p) ** 2 + (high_q - q) ** 2)
    return low, p - q + sqrt((high_p - p) ** 2 + (q - low_q) ** 2)

"""What a campaign brought: the difference of two shares with its interval (Newcombe 1998, method 10)."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

Z_95 = 1.959963984540054


class Lift(NamedTuple):
    """Shares of customers who ordered, and their difference with its 95 % interval. `extra`: orders that would not have
    come, of all who were written to; `cost_per_extra`: minor units, None where there is none to pay for."""

    treated: float
    held_out: float
    difference: float
    low: float
    high: float
    extra: float
    cost_per_extra: float | None


def wilson(successes: int, of: int, z: float = Z_95) -> tuple[float, float]:
    """The interval of a share (Wilson 1927); of nobody it is everything from 0 to 1."""
    if of == 0:
        return 0.0, 1.0
    share, n = successes / of, float(of)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    return low, 1.0 if successes == of else min(1.0, middle + half)


def lift(treated: tuple[int, int], held_out: tuple[int, int], cost: int = 0) -> Lift | None:
    """The lift of (who ordered, of how many) over the hold-out; `cost` in minor units. None where one has nobody."""
    (a, m), (b, n) = treated, held_out
    if not m or not n:
        return None
    p, q = a / m, b / n
    (low_p, high_p), (low_q, high_q) = wilson(a, m), wilson(b, n)
    difference = p - q
    low = difference - sqrt((p - low_p) ** 2 + (high_q - q) ** 2)
    high = difference + sqrt((high_p - p) ** 2 + (q - low_q) ** 2)
    extra = difference * m
    return Lift(p, q, difference, low, high, extra, cost / extra if extra > 0 else None)

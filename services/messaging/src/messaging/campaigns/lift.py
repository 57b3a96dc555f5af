"""What a campaign brought: the difference of two shares with its interval (Newcombe 1998, method 10)."""

from __future__ import annotations

from typing import NamedTuple

from common.values.shares import newcombe


class Lift(NamedTuple):
    """Shares of customers who ordered, and their difference with its 95 % interval. `extra`: orders that would not have
    come, of all `customers` who were written to; `cost_per_extra`: minor units, None where there is none to pay for."""

    customers: int
    treated: float
    held_out: float
    difference: float
    low: float
    high: float
    extra: float
    cost_per_extra: float | None


def lift(treated: tuple[int, int], held_out: tuple[int, int], cost: int = 0) -> Lift | None:
    """The lift of (who ordered, of how many) over the hold-out; `cost` in minor units. None where one has nobody."""
    (a, m), (b, n) = treated, held_out
    if not m or not n:
        return None
    p, q = a / m, b / n
    difference = p - q
    low, high = newcombe(treated, held_out)
    extra = difference * m
    return Lift(m, p, q, difference, low, high, extra, cost / extra if extra > 0 else None)

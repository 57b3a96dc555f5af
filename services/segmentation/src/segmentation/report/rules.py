"""Repurchase rate and repurchase ladder (T-3, T-4.1, C-2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

LADDER_STEPS = (("1-2", 1), ("2-3", 2), ("3-4", 3), ("4-5", 4), ("5-5+", 5))
_HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Rate:
    """`percent` is rounded to hundredths, halves to even; None where the base is empty."""

    part: int
    base: int
    percent: Decimal | None


@dataclass(frozen=True, slots=True)
class LadderStep:
    """Of the customers who bought at least n times, how many did so once more (T-3)."""

    step: str
    rate: Rate


def rate(part: int, base: int) -> Rate:
    """The repurchase rate over one base: repurchasers / base x 100 % (T-4.1: 500 of 10,000 are 5 %).

    C-2 asks for both bases always: all returning customers, and all members.
    """
    if not base:
        return Rate(part, base, None)
    return Rate(part, base, (Decimal(100 * part) / Decimal(base)).quantize(_HUNDREDTH, ROUND_HALF_EVEN))


def ladder(reached: Mapping[int, int]) -> list[LadderStep]:
    """The steps 1-2, 2-3, 3-4, 4-5 and 5-5+ (more than five); `reached[n]` bought n times or more."""
    return [LadderStep(name, rate(reached.get(n + 1, 0), reached.get(n, 0))) for name, n in LADDER_STEPS]

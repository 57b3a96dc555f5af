"""The rate of breakage: the share of points that come to their end unspent, from the shop's own members; pure."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

FEWEST = 30
"""Of fewer members with points that ended no rate is told."""
_Z = 1.96
"""Of a normal distribution: 95 %."""


class Ended(NamedTuple):
    """Sums over members of whom points have ended: `expired` e and `redeemed` r, with the sums of their products."""

    members: int = 0
    expired: int = 0
    redeemed: int = 0
    expired_squared: int = 0
    redeemed_squared: int = 0
    product: int = 0

    def plus(self, other: Ended) -> Ended:
        return Ended(*(a + b for a, b in zip(self, other, strict=True)))


class Breakage(NamedTuple):
    """Shares from 0 to 1; the interval holds the true rate in 95 of 100 shops like this one."""

    rate: float
    low: float
    high: float


def breakage(ended: Ended) -> Breakage | None:
    """expired / (expired + redeemed), a ratio estimate over members, with its linearised variance (Cochran 1977, 6.4).

    Members differ much in how many points they have, and one member's points end alike, so points are not counted as
    if they were drawn one by one. None where too few members' points have ended.
    """
    total = ended.expired + ended.redeemed
    if ended.members < FEWEST or total <= 0:
        return None
    rate = ended.expired / total
    both = ended.expired_squared + ended.product
    squared = ended.expired_squared + 2 * ended.product + ended.redeemed_squared
    residuals = max(0.0, ended.expired_squared - 2 * rate * both + rate * rate * squared)
    deviation = sqrt(residuals * ended.members / (ended.members - 1)) / total
    return Breakage(rate, max(0.0, rate - _Z * deviation), min(1.0, rate + _Z * deviation))

"""How many free returns of a quota a customer has left; pure (FBK-031). The arithmetic is membership's (C-7)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from common.time.calendar import add_months


@dataclass(frozen=True, slots=True)
class Quota:
    """So many in each calendar period of `months`, counted from January; up to `carry_over` unused ones of the period
    before besides."""

    uses: int
    months: int
    carry_over: int = 0


@dataclass(frozen=True, slots=True)
class FreeReturns:
    """Whether a customer returns goods for free; `left` of a quota, None: there is none."""

    free: bool
    left: int | None = None


def left_of(quota: Quota, used_on: Collection[date], today: date, member_since: date | None) -> int:
    """`used_on`: days of uses that were not given back. `member_since` None: not known, so nothing is carried over."""
    first = date(today.year, (today.month - 1) // quota.months * quota.months + 1, 1)
    used, carried = _between(used_on, first, add_months(first, quota.months)), 0
    if quota.carry_over and member_since is not None and member_since < first:
        before = _between(used_on, add_months(first, -quota.months), first)
        carried = min(quota.carry_over, max(0, quota.uses - before))
    return max(0, quota.uses + carried - used)


def _between(days: Collection[date], first: date, end: date) -> int:
    return sum(first <= day < end for day in days)

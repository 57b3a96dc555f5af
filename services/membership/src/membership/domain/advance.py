"""What falls due for a member by itself? Expiry of points, review of the tier, end of grace."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from common.fold import Due
from membership.domain import tiers
from membership.domain.ledger import Books
from membership.domain.points.expiry import expire, next_expiry
from membership.domain.programme import ShopRules
from membership.domain.state import MemberState

Kind = Literal["expiry", "grace", "review"]


class Work:
    """What doing a due needs, and where it says why."""

    state: MemberState
    shop: ShopRules
    at: datetime
    books: Books
    change: tiers.Change | None
    reason: str


def next_due(state: MemberState) -> Due | None:
    """The earliest due; at one instant expiry first, then the tier."""
    expiry, tier = next_expiry(state), state.standing.due
    if expiry is not None and (tier is None or expiry <= tier):
        return Due(expiry, "expiry")
    if tier is None:
        return None
    return Due(tier, "review" if state.standing.grace is None else "grace")


def fall_due(work: Work, due: Due) -> None:
    if due.kind == "expiry":
        work.reason = "expired"
        expire(work.books, due.at)
    else:
        history = tiers.History.of(work.state)
        work.change = tiers.fall_due(work.state.standing, history, work.shop, due.at)

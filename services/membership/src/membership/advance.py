"""What falls due for a member by itself: expiry of points, a new ladder, review of the tier, end of grace."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from common.fold.folding import Due
from membership.orders.history import History
from membership.points.books import Books
from membership.points.expiry import expire, next_expiry
from membership.programme.programme import ShopRules
from membership.state import MemberState
from membership.tiers import rules as tiers

Kind = Literal["expiry", "programme", "grace", "review"]


class Work:
    """What doing a due needs, and where it says why."""

    state: MemberState
    shop: ShopRules
    at: datetime
    books: Books
    change: tiers.Change | None
    reason: str


def next_due(state: MemberState, shop: ShopRules) -> Due | None:
    """The earliest due; at one instant expiry first, then a new ladder, then the tier."""
    expiry, tier = next_expiry(state), tiers.next_due(state.standing, shop)
    if expiry is not None and (tier is None or expiry <= tier[0]):
        return Due(expiry, "expiry")
    if tier is None:
        return None
    at, ladder = tier
    return Due(at, "programme" if ladder else "review" if state.standing.grace is None else "grace")


def fall_due(work: Work, due: Due) -> None:
    if due.kind == "expiry":
        work.reason = "expired"
        expire(work.books, due.at)
    elif due.kind == "programme":
        work.state.standing, work.change = tiers.change_ladder(work.state.standing, work.shop, due.at)
    else:
        history = History.of(work.state)
        work.state.standing, work.change = tiers.fall_due(work.state.standing, history, work.shop, due.at)

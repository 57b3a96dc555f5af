"""Points that no order earns: added as a lot of their own, or taken from what expires soonest."""

from __future__ import annotations

from datetime import datetime

from common.events.membership import PointsAdjusted
from membership.member import Member
from membership.points.books import Books
from membership.points.earning import lots_wanted, make_available
from membership.programme.versions import ShopRules


def origin_of(data: PointsAdjusted) -> str:
    return f"adjustment/{data.command_id}"


def lots_of(member: Member, origin: str, shop: ShopRules, at: datetime) -> tuple[str, ...]:
    """The items wanted to add points of this origin (`adjustment/<id>`)."""
    return lots_wanted(member, f"|{origin}", shop.expiry(at))


def add_points(books: Books, origin: str, points: int, shop: ShopRules, at: datetime) -> None:
    """Points that are available at once and expire as points that are earned now."""
    make_available(books, f"|{origin}", points, ("issued", ""), shop.expiry(at), at)


def take_points(books: Books, points: int, *, clamp: bool) -> None:
    """Take available points, soonest expiry first; what late news has taken away meanwhile is debt, or let go."""
    for name, taken in books.lots.soonest(points):
        books.move(taken, ("available", name), ("reversed", ""))
        points -= taken
    books.lots.look_again()
    if not clamp:
        books.move(points, ("debt", ""), ("reversed", ""))

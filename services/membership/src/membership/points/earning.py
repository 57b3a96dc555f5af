"""What an order earns and when it may be spent: pending when paid, available when completed (MEM-036, MEM-044)."""

from __future__ import annotations

from datetime import datetime

from membership.ledger.legs import Account
from membership.orders.state import Order
from membership.points.books import Books
from membership.points.clawback import claw_back
from membership.points.lots import order_of
from membership.points.state import LOT, ORDER_POINTS, OrderPoints
from membership.programme.programme import ONE, OrderBonus
from membership.programme.versions import ShopRules


def earned(order: Order, factor: int | None) -> int:
    """floor(what remains paid for goods x factor of the tier held before this order): 99.90 x 1.5 = 149."""
    if not factor or not order.unit:
        return 0
    return order.net * factor // (ONE * order.unit)


def reward_nth(books: Books, order_id: str, counting: int, rule: OrderBonus | None) -> None:
    """The order that completes is the n-th of those that count: it earns a bonus, which goes with the order (MEM-045).

    `counting`: completed orders that count, this one included.
    """
    if rule is not None and counting % rule.orders == 0 and counting > books.state.nth_rewarded:
        points = ORDER_POINTS.change(books.member, order_id)
        points.bonus, points.nth = rule.points, counting - books.state.nth_rewarded
        books.state.nth_rewarded = counting


def settle(
    books: Books, order_id: str, points: OrderPoints, order: Order, shop: ShopRules, at: datetime, *, pending: bool
) -> None:
    """Bring what the order holds to what it has earned; cumulative, so that thirds refunded of 119 take 40, 40, 39.

    `pending`: the order's points are not available yet.
    """
    if points.bonus and not order.counts:
        books.state.nth_rewarded -= points.nth
        points.bonus = points.nth = 0
    change = earned(order, points.factor) + points.bonus - points.held
    points.held += change
    if pending:
        if change > 0:
            books.move(change, ("issued", ""), ("pending", order_id))
        else:
            books.move(-change, ("pending", order_id), ("reversed", ""))
    elif change > 0:
        expires = shop.expiry(at)
        make_available(books, order_id, change, ("issued", ""), expires, at)
    elif change < 0:
        claw_back(books, order_id, -change, clamp=shop.at(at).points.clamp_at_zero)


def release(books: Books, order_id: str, held: int, shop: ShopRules, at: datetime) -> None:
    """The order is completed: the pending points that it holds become available."""
    make_available(books, order_id, held, ("pending", order_id), shop.expiry(at), at)


def make_available(
    books: Books, lot: str, points: int, source: tuple[Account, str], expires: datetime, since: datetime
) -> None:
    """Put points into the lot, or into `<lot>|<expiry>` where it holds some with another expiry; then settle debt."""
    if not points:
        return
    known = LOT.get(books.member, lot)
    if known is not None and known.available and known.expires != expires:
        lot = lots_for(lot, expires)[1]
    held = LOT.change(books.member, lot)
    held.since = since if not held.available or held.since is None else min(held.since, since)
    held.expires = expires if not held.available or held.expires is None else max(held.expires, expires)
    books.move(points, source, ("available", lot))
    books.move(min(points, books.state.debt), ("available", lot), ("debt", ""))
    books.lots.add(lot, held)


def lots_for(lot: str, expires: datetime) -> tuple[str, str]:
    """The lot that points are put into, and the one instead where that holds some with another expiry."""
    return lot, f"{order_of(lot)}|{expires:%Y%m%dT%H%M%S}"

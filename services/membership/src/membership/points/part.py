"""Points as a part of the fold: earned, released, redeemed, given back, expired, clawed back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row

from common.events import CustomerKey, Event, EventData
from common.events.membership import PointsChanged, PointsRedeemed, RedemptionReturned
from common.events.orders import OrderClosed, OrderCompleted, OrderEvent, OrderPaid, OrderRefunded
from common.fold.customers import Folded
from common.storage.database import Transaction
from membership.ledger.legs import Balances
from membership.member import Member
from membership.orders.state import Order, OrderChange, Orders
from membership.part import Part, Work
from membership.points import books, store, verification
from membership.points.books import Books
from membership.points.earning import release, settle
from membership.points.expiry import expire
from membership.points.lots import LotOrder
from membership.points.redemption import give_back, redeem
from membership.points.state import OrderPoints, Points, RedemptionRow
from membership.programme.versions import ShopRules
from membership.qualification.history import Entry
from membership.tiers.state import Tiers


class Announced(NamedTuple):
    """The balances that are announced when one of them changes."""

    pending: int
    available: int
    debt: int


class PointsPart(Part[Points]):
    state = Points
    dues = ("expiry",)
    book = "points"

    def entries(self, member: Member) -> Iterable[Entry]:
        orders = Orders.of(member).by_id
        for name, points in Points.of(member).orders.items():
            completed = orders[name].completed_at if points.held else None
            if completed is not None:
                yield Entry(completed, points=points.held)

    def next_due(self, member: Member, shop: ShopRules) -> tuple[datetime, str] | None:
        expiry = LotOrder.of(Points.of(member)).next_expiry()
        return None if expiry is None else (expiry, "expiry")

    def fall_due(self, work: Work, kind: str) -> None:
        work.reason = "expired"
        expire(books_of(work), work.at)

    def balances(self, member: Member) -> Balances:
        return books.balances(Points.of(member))

    def announced(self, member: Member) -> Announced:
        points = Points.of(member)
        return Announced(points.pending, points.available, points.debt)

    def facts(self, before: Announced, after: Announced, work: Work) -> Iterable[EventData]:
        gained = (after.available - after.debt) - (before.available - before.debt)
        yield PointsChanged(
            pending=after.pending,
            available=after.available,
            debt=after.debt,
            change=gained or after.pending - before.pending,
            reason=work.reason,
            order_id=work.order_id,
        )

    def said(self, fact: EventData) -> Mapping[str, Any] | None:
        if isinstance(fact, PointsChanged):
            return Announced(fact.pending, fact.available, fact.debt)._asdict()
        return None

    def says(self, member: Member) -> Mapping[str, Any]:
        return self.announced(member)._asdict()

    def changed(self, before: Member, after: Member) -> Iterable[RedemptionRow]:
        known = {name: RedemptionRow.of(name, made) for name, made in Points.of(before).redemptions.items()}
        for name, redemption in Points.of(after).redemptions.items():
            row = RedemptionRow.of(name, redemption)
            if known.get(name) != row:
                yield row

    async def save(self, tx: Transaction, folded: Folded[Member]) -> None:
        await store.insert_redemptions(tx, folded.events)
        await store.save_redemptions(tx, folded.steps)

    async def rows(self, tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> Sequence[Row[Any]]:
        return await store.list_redemptions(tx, after, last)

    def wrong_rows(self, member: Member, inputs: Sequence[Event[Any]], rows: Sequence[Row[Any]]) -> Iterator[str]:
        return verification.wrong_redemptions(Points.of(member), inputs, rows)


def books_of(work: Work) -> Books:
    """The member's points while this input is at work, for every part that moves some."""
    return Books(Points.of(work.member), work.legs.setdefault("points", {}))


def on_order(work: Work, data: OrderEvent) -> None:
    """Paid, completed or closed; the factor is that of the tier held before this order, when it is paid."""
    change, points = work.noted(OrderChange), Points.of(work.member)
    assert change is not None
    mine = points.orders.setdefault(data.order_id, OrderPoints())
    if data.redemption_id is not None and data.redemption_id not in mine.redemptions:
        mine.redemptions += (data.redemption_id,)
    if mine.factor is None and not isinstance(data, OrderClosed):
        mine.factor = _factor(work)
    _settle(work, change)
    if change.completed:
        release(books_of(work), data.order_id, work.shop, work.at)
    _return_redeemed(work, data.order_id, change.order)


def _factor(work: Work) -> int:
    tiers = Tiers.of(work.member)
    if not tiers.earns(work.programme):
        return 0
    return work.programme.tier(tiers.standing.tier).factor * work.programme.points.per_unit


def _settle(work: Work, change: OrderChange) -> None:
    mine = Points.of(work.member).orders[change.order_id]
    before, completed_at = mine.held, change.order.completed_at
    pending = completed_at is None or change.completed
    settle(books_of(work), change.order_id, change.order, work.shop, work.at, pending=pending)
    gained = mine.held if change.completed else mine.held - before
    if gained and completed_at is not None:
        work.history.add(Entry(completed_at, points=gained))


def on_refund(work: Work, data: OrderRefunded) -> None:
    """What was redeemed on the order comes back first, then what it earned is taken."""
    change = work.noted(OrderChange)
    if change is None or change.order_id not in Points.of(work.member).orders:
        return  # of no known order, taken before, or nothing was earned by the order or redeemed on it
    _return_redeemed(work, change.order_id, change.order)
    _settle(work, change)


def _return_redeemed(work: Work, order_id: str, order: Order) -> None:
    """An order that is paid commits its redemptions; what is refunded returns them pro rata, cumulative (MEM-053)."""
    points = Points.of(work.member)
    for redemption_id in points.orders[order_id].redemptions:
        redemption = points.redemptions.get(redemption_id)
        if redemption is None or not order.known:
            continue
        redemption.committed = redemption.committed or order.paid_at is not None
        total = redemption.points if order.void else 0
        if not order.void and order.goods:
            total = redemption.points * min(order.refunded, order.goods) // order.goods
        give_back(books_of(work), redemption_id, total, work.shop, work.at)
        work.changed.append(RedemptionRow.of(redemption_id, redemption))


def on_redeemed(work: Work, data: PointsRedeemed) -> None:
    """Points promised at checkout are spent, whatever late news has made of them."""
    points = Points.of(work.member)
    if data.redemption_id in points.redemptions:
        return
    work.order_id, work.reason = data.order_id, "redeemed"
    redeem(books_of(work), data.redemption_id, data.points, clamp=work.programme.points.clamp_at_zero)
    work.changed.append(RedemptionRow.of(data.redemption_id, points.redemptions[data.redemption_id]))
    if data.order_id is not None:
        mine = points.orders.setdefault(data.order_id, OrderPoints())
        if data.redemption_id not in mine.redemptions:
            mine.redemptions += (data.redemption_id,)
        # Late news may have closed the order before.
        order = Orders.of(work.member).by_id.get(data.order_id)
        if order is not None:
            _return_redeemed(work, data.order_id, order)


def on_returned(work: Work, data: RedemptionReturned) -> None:
    """The checkout has taken a redemption back."""
    redemption = Points.of(work.member).redemptions.get(data.redemption_id)
    if redemption is not None:
        work.reason = "returned"
        give_back(books_of(work), data.redemption_id, redemption.points, work.shop, work.at)
        work.changed.append(RedemptionRow.of(data.redemption_id, redemption))


PointsPart.inputs = {
    OrderPaid: on_order,
    OrderCompleted: on_order,
    OrderClosed: on_order,
    OrderRefunded: on_refund,
    PointsRedeemed: on_redeemed,
    RedemptionReturned: on_returned,
}
PART = PointsPart()

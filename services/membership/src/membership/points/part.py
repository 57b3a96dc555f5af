"""Points as a part of the fold: earned, released, redeemed, given back, expired, clawed back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey, Event, EventData, rfc3339
from common.events.membership import (
    PayoutReversed,
    PointsAdjusted,
    PointsExpiryWarned,
    PointsPaidOut,
    PointsRedeemed,
    RedemptionCommitted,
    RedemptionReturned,
)
from common.events.orders import OrderClosed, OrderCompleted, OrderEvent, OrderPaid, OrderRefunded
from common.fold.items import Wanted
from common.fold.working import Folded
from common.storage.database import Transaction
from membership.ledger.legs import Balances
from membership.member import Member
from membership.orders.state import ORDER, Order, OrderChange, Orders
from membership.part import Part, Work
from membership.points import books, store, verification
from membership.points.adjustment import add_points, lots_of, take_points
from membership.points.books import Books
from membership.points.earning import lots_for, release, reward_nth, settle
from membership.points.expiry import expire, extend
from membership.points.expiry_warning import plan, standing, warn, warned_at
from membership.points.lots import order_of
from membership.points.redemption import give_back, redeem
from membership.points.state import LOT, ORDER_POINTS, REDEMPTION, Points, RedemptionRow
from membership.programme.versions import ShopRules
from membership.qualification.history import Entry
from membership.tiers.state import Tiers


class Warned:
    """Noted where the member is told of the next expiry."""


class PointsPart(Part[Points]):
    name = Points.NAME
    state = Points
    shares = (ORDER_POINTS, LOT, REDEMPTION)
    book = "points"

    def wants(self, member: Member, event: Event[Any], shop: ShopRules) -> Wanted:
        data = event.data
        match data:
            case PointsRedeemed():
                yield from (REDEMPTION.name(data.redemption_id), LOT.all_names)
            case RedemptionReturned():
                yield from (REDEMPTION.name(data.redemption_id), LOT.all_names)
                return
            case OrderEvent() if data.redemption_id is not None:
                yield REDEMPTION.name(data.redemption_id)
            case RedemptionCommitted():
                yield REDEMPTION.name(data.redemption_id)
                return
            case PointsAdjusted():
                adds = data.points > 0
                yield from map(LOT.name, lots_of(_adjustment(data), shop, event.time)) if adds else (LOT.all_names,)
                return
            case PointsPaidOut():
                yield from map(LOT.name, lots_of(data.origin, shop, event.time))
                return
            case PayoutReversed():
                yield LOT.all_names
                return
            case OrderEvent() | OrderRefunded():
                pass
            case _:
                return
        if data.order_id is None:
            return
        yield ORDER_POINTS.name(data.order_id)
        if isinstance(data, OrderEvent):
            yield from _wants_to_release(member, data, event.time, shop)
        if member.items.has(ORDER_POINTS.name(data.order_id)):
            yield from _wants_to_give_back(member, data)

    def wants_due(self, member: Member, kind: str) -> Wanted:
        yield LOT.all_names
        if kind != "expiry":
            return
        expiry = Points.of(member).next_expiry
        if member.items.has(LOT.all_names):
            yield from (
                ORDER_POINTS.name(order_of(name))
                for name, lot in LOT.all(member)
                if lot.expires == expiry and order_of(name)
            )

    def next_due(self, member: Member, shop: ShopRules) -> tuple[datetime, str] | None:
        points = Points.of(member)
        if points.next_expiry is None:
            return None
        warned = warned_at(points)
        return (points.next_expiry, "expiry") if warned is None else (warned, "expiry_warning")

    def follow(self, work: Work) -> None:
        """Whatever came may have changed what expires next."""
        plan(Points.of(work.member), work.programme.points.warn_days, work.at)

    def announced(self, member: Member) -> tuple[datetime, int] | None:
        return standing(Points.of(member))

    def facts(
        self, before: tuple[datetime, int] | None, after: tuple[datetime, int] | None, work: Work
    ) -> Iterable[EventData]:
        # Of one expiry the member is told once: not when some of it is used, nor when used points come back.
        new = after is not None and (before is None or before[0] != after[0])
        if after is not None and new and (work.noted(Warned) is not None or work.reason == "correction"):
            yield PointsExpiryWarned(expires_at=after[0], points=after[1])

    def said(self, fact: EventData) -> Mapping[str, Any] | None:
        return {"expiry_warned": rfc3339(fact.expires_at)} if isinstance(fact, PointsExpiryWarned) else None

    def says(self, member: Member) -> Mapping[str, Any]:
        told = standing(Points.of(member))
        return {} if told is None else {"expiry_warned": rfc3339(told[0])}

    def balances(self, member: Member) -> Balances:
        return books.balances(member)

    def changed(self, rows: Sequence[Row[Any]], after: Member) -> Iterable[RedemptionRow]:
        known = {row.redemption_id: RedemptionRow(*store.state_of(row)) for row in rows}
        for name, redemption in REDEMPTION.all(after):
            row = RedemptionRow.of(name, redemption)
            if known.get(name) != row:
                yield row

    async def save(self, tx: Transaction, folded: Folded[Member]) -> None:
        await store.insert_redemptions(tx, folded.events)
        await store.save_redemptions(tx, folded.steps)

    async def moved(self, tx: Transaction, customers: Collection[CustomerKey]) -> None:
        await store.move_redemptions(tx, customers)

    async def rows_of(self, tx: Transaction, key: CustomerKey) -> Sequence[Row[Any]]:
        return await store.list_of_customer(tx, key)

    async def rows(self, tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> Sequence[Row[Any]]:
        return await store.list_redemptions(tx, after, last)

    def wrong_rows(self, member: Member, inputs: Sequence[Event[Any]], rows: Sequence[Row[Any]]) -> Iterator[str]:
        return verification.wrong_redemptions(member, inputs, rows)


def books_of(work: Work) -> Books:
    """The member's points while this input is at work, for every part that moves some."""
    return Books(work.member, work.legs.setdefault("points", {}))


def _wants_to_release(member: Member, data: OrderEvent, at: datetime, shop: ShopRules) -> Wanted:
    """The lot of an order that completes."""
    name = ORDER.name(data.order_id)
    order = ORDER.get(member, data.order_id) if member.items.has(name) else None
    if data.state == "completed" or (order is not None and order.said_completed):
        expires = shop.expiry(at)
        yield from map(LOT.name, lots_for(data.order_id, expires))
        if shop.extends_expiry and shop.at(at).points.extended_by == "orders":
            yield LOT.all_names


def _wants_to_give_back(member: Member, data: OrderEvent | OrderRefunded | PointsRedeemed) -> Wanted:
    """The redemptions of an order that is loaded, and the lots that they took from where some may come back."""
    assert data.order_id is not None
    points, order = ORDER_POINTS.get(member, data.order_id), ORDER.get(member, data.order_id)
    redemptions = points.redemptions if points is not None else ()
    yield from map(REDEMPTION.name, redemptions)
    if isinstance(data, OrderEvent) and data.redemption_id is not None:
        redemptions = (*redemptions, data.redemption_id)
    may_return = isinstance(data, OrderClosed | OrderRefunded) or (order is not None and bool(order.refunds))
    if redemptions and may_return:
        yield LOT.all_names


def on_order(work: Work, data: OrderEvent) -> None:
    """Paid, completed or closed; the factor is that of the tier held before this order, when it is paid."""
    change = work.noted(OrderChange)
    assert change is not None
    mine = ORDER_POINTS.change(work.member, data.order_id)
    if data.redemption_id is not None and data.redemption_id not in mine.redemptions:
        mine.redemptions += (data.redemption_id,)
    if mine.factor is None and not isinstance(data, OrderClosed):
        mine.factor = _factor(work)
    if change.completed and change.order.counts and Tiers.of(work.member).earns(work.programme):
        counting = Orders.of(work.member).counting
        reward_nth(books_of(work), data.order_id, counting, work.programme.points.every)
    _settle(work, change)
    if change.completed:
        release(books_of(work), data.order_id, work.shop, work.at)
        if work.shop.extends_expiry and work.programme.points.extended_by == "orders" and change.order.counts:
            extend(books_of(work), work.shop.expiry(work.at))
    _return_redeemed(work, data.order_id, change.order)


def _factor(work: Work) -> int:
    tiers = Tiers.of(work.member)
    if not tiers.earns(work.programme):
        return 0
    return work.programme.tier(tiers.standing.tier).factor * work.programme.points.per_unit


def _settle(work: Work, change: OrderChange) -> None:
    mine = ORDER_POINTS.change(work.member, change.order_id)
    before, completed_at = mine.held, change.order.completed_at
    pending = completed_at is None or change.completed
    settle(books_of(work), change.order_id, change.order, work.shop, work.at, pending=pending)
    gained = mine.held if change.completed else mine.held - before
    if gained and completed_at is not None:
        work.enter(Entry(completed_at, points=gained))


def on_refund(work: Work, data: OrderRefunded) -> None:
    """What was redeemed on the order comes back first, then what it earned is taken."""
    change = work.noted(OrderChange)
    if change is None or ORDER_POINTS.get(work.member, change.order_id) is None:
        return  # of no known order, taken before, or nothing was earned by the order or redeemed on it
    _return_redeemed(work, change.order_id, change.order)
    _settle(work, change)


def _return_redeemed(work: Work, order_id: str, order: Order) -> None:
    """An order that is paid commits its redemptions; what is refunded returns them pro rata, cumulative (MEM-053)."""
    for redemption_id in ORDER_POINTS.change(work.member, order_id).redemptions:
        if REDEMPTION.get(work.member, redemption_id) is None or not order.known:
            continue
        redemption = REDEMPTION.change(work.member, redemption_id)
        if redemption.paid_by is None and order.paid_at is not None:
            redemption.paid_by = order_id
        total = redemption.points if order.void else 0
        if not order.void and order.goods:
            total = redemption.points * min(order.refunded, order.goods) // order.goods
        give_back(books_of(work), redemption_id, total, work.shop, work.at)
        work.changed.append(RedemptionRow.of(redemption_id, redemption))


def on_redeemed(work: Work, data: PointsRedeemed) -> None:
    """Points promised at checkout are spent, whatever late news has made of them."""
    if REDEMPTION.get(work.member, data.redemption_id) is not None:
        return
    work.order_id, work.reason = data.order_id, "redeemed"
    redeem(books_of(work), data.redemption_id, data.points, clamp=work.programme.points.clamp_at_zero)
    work.changed.append(RedemptionRow.of(data.redemption_id, REDEMPTION.change(work.member, data.redemption_id)))
    if data.order_id is not None:
        mine = ORDER_POINTS.change(work.member, data.order_id)
        if data.redemption_id not in mine.redemptions:
            mine.redemptions += (data.redemption_id,)
        # Late news may have closed the order before.
        order = ORDER.get(work.member, data.order_id)
        if order is not None:
            _return_redeemed(work, data.order_id, order)


def on_returned(work: Work, data: RedemptionReturned) -> None:
    """The checkout has taken a redemption back."""
    if REDEMPTION.get(work.member, data.redemption_id) is not None:
        redemption = REDEMPTION.change(work.member, data.redemption_id)
        work.reason = "returned"
        give_back(books_of(work), data.redemption_id, redemption.points, work.shop, work.at)
        work.changed.append(RedemptionRow.of(data.redemption_id, redemption))


def on_committed(work: Work, data: RedemptionCommitted) -> None:
    """An order of another customer, or of nobody, was paid with the discount: only its end gives the points back."""
    known = REDEMPTION.get(work.member, data.redemption_id)
    if known is not None and known.paid_by is None and known.ended is None:
        redemption = REDEMPTION.change(work.member, data.redemption_id)
        redemption.paid_by = data.order_id
        work.changed.append(RedemptionRow.of(data.redemption_id, redemption))


def on_adjusted(work: Work, data: PointsAdjusted) -> None:
    """Staff have added points, or taken some; a promise that late news does not undo."""
    work.reason = "adjusted"
    if data.points > 0:
        add_points(books_of(work), _adjustment(data), data.points, work.shop, work.at)
    else:
        take_points(books_of(work), -data.points, clamp=work.programme.points.clamp_at_zero)


def on_paid_out(work: Work, data: PointsPaidOut) -> None:
    """Points that feedback has granted: compensation, or the reward of a review."""
    work.reason = data.origin.partition("/")[0]
    add_points(books_of(work), data.origin, data.points, work.shop, work.at)


def on_payout_reversed(work: Work, data: PayoutReversed) -> None:
    """The order of a rewarded review was refunded whole: the points go, from whatever there is, then as debt."""
    work.reason = "refunded"
    take_points(books_of(work), data.points, clamp=work.programme.points.clamp_at_zero)


def _adjustment(data: PointsAdjusted) -> str:
    return f"adjustment/{data.command_id}"


def on_expiry(work: Work) -> None:
    """The next lot to expire has come to its end."""
    work.reason = "expired"
    expire(books_of(work), work.at)
    plan(Points.of(work.member), work.programme.points.warn_days, work.at)


def on_expiry_warning(work: Work) -> None:
    """The next lot to expire comes to its end soon."""
    warn(work.member)
    work.note(Warned())


PointsPart.inputs = {
    OrderPaid: on_order,
    OrderCompleted: on_order,
    OrderClosed: on_order,
    OrderRefunded: on_refund,
    PointsRedeemed: on_redeemed,
    RedemptionReturned: on_returned,
    RedemptionCommitted: on_committed,
    PointsAdjusted: on_adjusted,
    PointsPaidOut: on_paid_out,
    PayoutReversed: on_payout_reversed,
}
PointsPart.dues = {"expiry": on_expiry, "expiry_warning": on_expiry_warning}
PointsPart.reads = {
    OrderPaid: ("order_id", "redemption_id"),
    OrderCompleted: ("order_id", "redemption_id"),
    OrderClosed: ("order_id", "redemption_id"),
    OrderRefunded: ("order_id",),
    PointsRedeemed: ("redemption_id", "points", "worth", "currency", "order_id", "order_total"),
    RedemptionReturned: ("redemption_id",),
    RedemptionCommitted: ("redemption_id", "order_id"),
    PointsAdjusted: ("command_id", "points"),
    PointsPaidOut: ("origin", "points"),
    PayoutReversed: ("origin", "points"),
}
PART = PointsPart()

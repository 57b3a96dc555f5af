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
from common.events.orders import OrderClosed, OrderCompleted, OrderPaid, OrderRefunded
from common.fold.items import Wanted
from common.fold.working import Folded
from common.storage.database import Transaction
from membership.ledger.legs import Balances
from membership.member import Member
from membership.part import Part, Work
from membership.points import books, inputs, store, verification, wanted
from membership.points.expiry_warning import plan, standing, warned_at
from membership.points.lots import order_of
from membership.points.state import LOT, ORDER_POINTS, REDEMPTION, Points, RedemptionRow
from membership.programme.versions import ShopRules


class PointsPart(Part[Points]):
    name = Points.NAME
    state = Points
    shares = (ORDER_POINTS, LOT, REDEMPTION)
    book = "points"

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
        if after is not None and new and (work.noted(inputs.Warned) is not None or work.reason == "correction"):
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

    async def rows_of(self, tx: Transaction, keys: Collection[CustomerKey]) -> Mapping[CustomerKey, Sequence[Row[Any]]]:
        return await store.get_of_customers(tx, keys)

    async def rows(self, tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> Sequence[Row[Any]]:
        return await store.list_redemptions(tx, after, last)

    def wrong_rows(self, member: Member, inputs: Sequence[Event[Any]], rows: Sequence[Row[Any]]) -> Iterator[str]:
        return verification.wrong_redemptions(member, inputs, rows)


PointsPart.inputs = {
    OrderPaid: inputs.on_order,
    OrderCompleted: inputs.on_order,
    OrderClosed: inputs.on_order,
    OrderRefunded: inputs.on_refund,
    PointsRedeemed: inputs.on_redeemed,
    RedemptionReturned: inputs.on_returned,
    RedemptionCommitted: inputs.on_committed,
    PointsAdjusted: inputs.on_adjusted,
    PointsPaidOut: inputs.on_paid_out,
    PayoutReversed: inputs.on_payout_reversed,
}
PointsPart.dues = {"expiry": inputs.on_expiry, "expiry_warning": inputs.on_expiry_warning}
PointsPart.wants = {
    OrderPaid: wanted.by_order,
    OrderCompleted: wanted.by_order,
    OrderClosed: wanted.by_order,
    OrderRefunded: wanted.by_refund,
    PointsRedeemed: wanted.by_redeemed,
    RedemptionReturned: wanted.by_returned,
    RedemptionCommitted: wanted.by_committed,
    PointsAdjusted: wanted.by_adjusted,
    PointsPaidOut: wanted.by_paid_out,
    PayoutReversed: wanted.by_payout_reversed,
}
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

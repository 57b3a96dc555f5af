"""The growth value as a part of the fold: raised by orders, reviews, activities and check-ins (MEM-016).

Growth is never spent and never expires; what an order earned goes when the order is refunded (MEM-053).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from common.events import EventData
from common.events.feedback import ReviewSubmitted
from common.events.membership import ActivityJoined, GrowthChanged, MemberCheckedIn
from common.events.orders import OrderClosed, OrderCompleted, OrderEvent, OrderPaid, OrderRefunded
from membership.growth import rules
from membership.growth.state import Activity, Growth
from membership.ledger.legs import Balances
from membership.member import Member
from membership.orders.state import OrderChange, Orders
from membership.part import Part, Work
from membership.qualification.history import Entry
from membership.tiers.state import Tiers


class GrowthPart(Part[Growth]):
    state = Growth
    book = "growth"

    def entries(self, member: Member) -> Iterable[Entry]:
        growth, orders = Growth.of(member), Orders.of(member).by_id
        for name, held in growth.orders.items():
            completed = orders[name].completed_at
            if completed is not None and held:
                yield Entry(completed, growth=held)
        for activity in growth.activities.values():
            yield Entry(activity.at, growth=activity.growth, activity=True)

    def balances(self, member: Member) -> Balances:
        return rules.balances(Growth.of(member))

    def announced(self, member: Member) -> int:
        return Growth.of(member).value

    def facts(self, before: int, after: int, work: Work) -> Iterable[EventData]:
        yield GrowthChanged(growth=after, change=after - before, reason=work.reason, origin=work.origin)

    def said(self, fact: EventData) -> Mapping[str, Any] | None:
        return {"growth": fact.growth} if isinstance(fact, GrowthChanged) else None

    def says(self, member: Member) -> Mapping[str, Any]:
        return {"growth": Growth.of(member).value}


def on_order(work: Work, data: OrderEvent | OrderRefunded) -> None:
    """Bring what the order holds to what it has earned; cumulative, so refunds in parts never take too much."""
    change, growth = work.noted(OrderChange), Growth.of(work.member)
    if change is None:
        return  # a refund of no known order, or taken before
    if change.completed:
        rate = work.programme.growth.per_unit if Tiers.of(work.member).earns(work.programme) else 0
        growth.orders[change.order_id] = 0
        if rate != 1:
            growth.rates[change.order_id] = rate
    held, completed_at = growth.orders.get(change.order_id), change.order.completed_at
    if held is None or completed_at is None:
        return
    gained = rules.earned(change.order, growth.rates.get(change.order_id, 1)) - held
    if gained:
        growth.orders[change.order_id] = held + gained
        _grow(work, f"order/{change.order_id}", gained)
        work.history.add(Entry(completed_at, growth=gained))


def on_review(work: Work, data: ReviewSubmitted) -> None:
    """A review earns growth although nothing was spent, whatever its stars (MEM-016)."""
    _count(work, "review", data.review_id, work.programme.growth.review)


def on_activity(work: Work, data: ActivityJoined) -> None:
    earns = work.programme.growth
    _count(work, data.kind, data.activity_id, earns.activity if data.kind == "activity" else earns.referral)


def on_checked_in(work: Work, _: MemberCheckedIn) -> None:
    """One check-in a calendar day of the shop counts (MEM-046)."""
    _count(work, "check-in", work.shop.date_of(work.at).isoformat(), work.programme.growth.check_in)


def _count(work: Work, kind: str, name: str, earns: int) -> None:
    """Count an activity, once for ever; the tier is evaluated where the growth value leads to tiers."""
    origin, growth = f"{kind}/{name}", Growth.of(work.member)
    if origin in growth.activities:
        return
    work.reason = kind
    gained = earns if Tiers.of(work.member).earns(work.programme) else 0
    growth.activities[origin] = Activity(work.at, gained)
    work.history.add(Entry(work.at, growth=gained, activity=True))
    work.evaluate = work.evaluate or work.programme.by_growth
    if gained:
        _grow(work, origin, gained)


def _grow(work: Work, origin: str, amount: int) -> None:
    work.origin = origin
    Growth.of(work.member).value += amount
    legs = work.legs.setdefault("growth", {})
    legs["growth", origin] = legs.get(("growth", origin), 0) + amount
    legs["granted", ""] = legs.get(("granted", ""), 0) - amount


GrowthPart.inputs = {
    OrderPaid: on_order,
    OrderCompleted: on_order,
    OrderClosed: on_order,
    OrderRefunded: on_order,
    ReviewSubmitted: on_review,
    ActivityJoined: on_activity,
    MemberCheckedIn: on_checked_in,
}
PART = GrowthPart()

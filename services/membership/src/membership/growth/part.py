"""The growth value as a part of the fold: raised by orders, reviews, activities and check-ins (MEM-016).

Growth is never spent and never expires; what an order earned goes when the order is refunded (MEM-053).
"""

from __future__ import annotations

from typing import Any

from common.events import Event
from common.events.feedback import ReviewSubmitted
from common.events.membership import ActivityJoined, ActivityTakenBack, MemberCheckedIn
from common.events.orders import OrderClosed, OrderCompleted, OrderEvent, OrderPaid, OrderRefunded
from common.fold.items import EVERYTHING, Wanted
from membership.check_in.state import CheckIns
from membership.growth import rules
from membership.growth.state import ACTIVITIES, ORDER_GROWTH, Growth
from membership.ledger.legs import Balances
from membership.member import Member
from membership.orders.state import OrderChange
from membership.part import Part, Work
from membership.programme.versions import ShopRules
from membership.qualification.history import Entry
from membership.tiers.state import Tiers


class GrowthPart(Part[Growth]):
    name = Growth.NAME
    state = Growth
    shares = (ORDER_GROWTH, *ACTIVITIES.values())
    book = "growth"

    def balances(self, member: Member) -> Balances:
        return rules.balances(_by_origin(Growth.of(member)))


def _wants_review(member: Member, event: Event[Any], shop: ShopRules) -> Wanted:
    return (ACTIVITIES["review"].name(event.data.review_id),)


def _wants_joined(member: Member, event: Event[Any], shop: ShopRules) -> Wanted:
    return (ACTIVITIES[event.data.kind].name(event.data.activity_id),)


def _wants_taken_back(member: Member, event: Event[Any], shop: ShopRules) -> Wanted:
    data: ActivityTakenBack = event.data
    name = ACTIVITIES[data.kind].name(data.activity_id)
    if not member.items.has(name):
        return (name,)
    known = ACTIVITIES[data.kind].get(member, data.activity_id)
    # What was earned then is not any more: the tiers since then follow from the whole history.
    return (EVERYTHING,) if known is not None and known.growth else (name,)


def on_order(work: Work, data: OrderEvent | OrderRefunded) -> None:
    """Bring what the order holds to what it has earned; cumulative, so refunds in parts never take too much."""
    change = work.noted(OrderChange)
    if change is None:
        return  # a refund of no known order, or taken before
    order, growth = change.order, None
    if change.completed:
        growth = ORDER_GROWTH.change(work.member, change.order_id)
        growth.rate = work.programme.growth.per_unit if Tiers.of(work.member).earns(work.programme) else 0
    elif order.completed_at is not None:
        growth = ORDER_GROWTH.get(work.member, change.order_id)
    if growth is None or order.completed_at is None:
        return
    before, earned = growth.held, rules.earned(order, growth.rate)
    if earned != before:
        ORDER_GROWTH.change(work.member, change.order_id).held = earned
        _grow(work, f"order/{change.order_id}", earned - before)
    if before and change.was_in != order.currency:
        work.enter(Entry(order.completed_at, growth=-before, currency=change.was_in))
        before = 0
    if earned != before:
        work.enter(Entry(order.completed_at, growth=earned - before, currency=order.currency))


def on_review(work: Work, data: ReviewSubmitted) -> None:
    """A review earns growth although nothing was spent, whatever its stars (MEM-016)."""
    _count_once(work, "review", data.review_id, work.programme.growth.review)


def on_activity(work: Work, data: ActivityJoined) -> None:
    earns = work.programme.growth
    _count_once(work, data.kind, data.activity_id, earns.activity if data.kind == "activity" else earns.referral)


def on_taken_back(work: Work, data: ActivityTakenBack) -> None:
    """Growth for what was not so goes, and the tier is what it would be had it never been."""
    known = ACTIVITIES[data.kind].get(work.member, data.activity_id)
    if known is None or not known.growth or known.at is None:
        return
    work.reason = f"{data.kind}_reversed"
    held = ACTIVITIES[data.kind].change(work.member, data.activity_id)
    work.enter(Entry(known.at, growth=-held.growth, activity=True))
    _grow(work, f"{data.kind}/{data.activity_id}", -held.growth)
    held.growth = 0
    if work.programme.by_growth:
        work.requalify = known.at, "refund"


def on_checked_in(work: Work, _: MemberCheckedIn) -> None:
    """One check-in a calendar day of the shop counts (MEM-046)."""
    day = work.shop.date_of(work.at)
    if CheckIns.of(work.member).is_new(day):
        _count(work, "check-in", day.isoformat(), work.programme.growth.check_in)


def _count_once(work: Work, kind: str, name: str, earns: int) -> None:
    """Count an activity, once for ever."""
    share = ACTIVITIES[kind]
    if share.get(work.member, name) is None:
        counted = share.change(work.member, name)
        counted.growth = _count(work, kind, name, earns)
        counted.at = work.at if kind != "review" and counted.growth else None


def _count(work: Work, kind: str, name: str, earns: int) -> int:
    """Count an activity, and evaluate the tier where the growth value leads to tiers; returns what was earned."""
    work.reason = kind
    gained = earns if Tiers.of(work.member).earns(work.programme) else 0
    work.enter(Entry(work.at, growth=gained, activity=True))
    work.evaluate = work.evaluate or work.programme.by_growth
    if gained:
        _grow(work, f"{kind}/{name}", gained)
    return gained


def _grow(work: Work, origin: str, amount: int) -> None:
    work.origin = origin
    growth = Growth.of(work.member)
    growth.value += amount
    if work.whole:
        held = _by_origin(growth)
        held[origin] = held.get(origin, 0) + amount
    legs = work.legs.setdefault("growth", {})
    legs["growth", origin] = legs.get(("growth", origin), 0) + amount
    legs["granted", ""] = legs.get(("granted", ""), 0) - amount


def _by_origin(growth: Growth) -> dict[str, int]:
    """What each origin has of the growth value, of a member who was folded from the start."""
    kept: dict[str, int] | None = getattr(growth, "memo", None)
    if kept is None:
        kept = growth.memo = {}
    return kept


GrowthPart.inputs = {
    OrderPaid: on_order,
    OrderCompleted: on_order,
    OrderClosed: on_order,
    OrderRefunded: on_order,
    ReviewSubmitted: on_review,
    ActivityJoined: on_activity,
    ActivityTakenBack: on_taken_back,
    MemberCheckedIn: on_checked_in,
}
# An order's share stands in the order's item, which the part of orders wants.
GrowthPart.wants = {
    ReviewSubmitted: _wants_review,
    ActivityJoined: _wants_joined,
    ActivityTakenBack: _wants_taken_back,
}
GrowthPart.reads = {
    ReviewSubmitted: ("review_id",),
    ActivityJoined: ("activity_id", "kind"),
    ActivityTakenBack: ("activity_id", "kind"),
}
PART = GrowthPart()

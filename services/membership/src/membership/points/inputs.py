"""What orders, refunds, redemptions and grants make of a member's points; what expiry makes of them."""

from __future__ import annotations

from common.events.membership import (
    PayoutReversed,
    PointsAdjusted,
    PointsPaidOut,
    PointsRedeemed,
    RedemptionCommitted,
    RedemptionReturned,
)
from common.events.orders import OrderClosed, OrderEvent, OrderRefunded
from membership.orders.state import ORDER, Order, OrderChange, Orders
from membership.part import Work
from membership.points.adjustment import add_points, origin_of, take_points
from membership.points.books import Books
from membership.points.earning import release, reward_nth, settle
from membership.points.expiry import expire, extend
from membership.points.expiry_warning import plan, warn
from membership.points.redemption import give_back, redeem
from membership.points.state import ORDER_POINTS, REDEMPTION, OrderPoints, Points, RedemptionRow
from membership.qualification.history import Entry
from membership.tiers.state import Tiers


class Warned:
    """Noted where the member is told of the next expiry."""


def books_of(work: Work) -> Books:
    """The member's points while this input is at work, for every part that moves some."""
    return Books(work.member, work.legs.setdefault("points", {}))


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
    _settle(work, change, mine)
    if change.completed:
        release(books_of(work), data.order_id, mine.held, work.shop, work.at)
        if work.shop.extends_expiry and work.programme.points.extended_by == "orders" and change.order.counts:
            extend(books_of(work), work.shop.expiry(work.at))
    if mine.redemptions:
        _return_redeemed(work, data.order_id, change.order)


def _factor(work: Work) -> int:
    tiers = Tiers.of(work.member)
    if not tiers.earns(work.programme):
        return 0
    return work.programme.tier(tiers.standing.tier).factor * work.programme.points.per_unit


def _settle(work: Work, change: OrderChange, mine: OrderPoints) -> None:
    before, completed_at = mine.held, change.order.completed_at
    pending = completed_at is None or change.completed
    settle(books_of(work), change.order_id, mine, change.order, work.shop, work.at, pending=pending)
    if completed_at is None:
        return
    before = 0 if change.completed else before
    if before and change.was_in != change.order.currency:
        work.enter(Entry(completed_at, points=-before, currency=change.was_in))
        before = 0
    if mine.held != before:
        work.enter(Entry(completed_at, points=mine.held - before, currency=change.order.currency))


def on_refund(work: Work, data: OrderRefunded) -> None:
    """What was redeemed on the order comes back first, then what it earned is taken."""
    change = work.noted(OrderChange)
    if change is None or ORDER_POINTS.get(work.member, change.order_id) is None:
        return  # of no known order, taken before, or nothing was earned by the order or redeemed on it
    _return_redeemed(work, change.order_id, change.order)
    _settle(work, change, ORDER_POINTS.change(work.member, change.order_id))


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
        add_points(books_of(work), origin_of(data), data.points, work.shop, work.at)
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


def on_expiry(work: Work) -> None:
    """The next lot to expire has come to its end."""
    work.reason = "expired"
    expire(books_of(work), work.at)
    plan(Points.of(work.member), work.programme.points.warn_days, work.at)


def on_expiry_warning(work: Work) -> None:
    """The next lot to expire comes to its end soon."""
    warn(work.member)
    work.note(Warned())

"""Which lots, orders and redemptions of a member an input reads or changes: these alone are loaded for it.

Each says so as far as it shows by what is loaded, and is asked again when that has been loaded.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from common.events import Event
from common.events.membership import PayoutReversed, PointsAdjusted, PointsPaidOut, PointsRedeemed, RedemptionCommitted
from common.events.orders import OrderClosed, OrderEvent, OrderRefunded
from common.fold.items import Wanted
from membership.member import Member
from membership.orders.state import ORDER
from membership.points.adjustment import lots_of, origin_of
from membership.points.earning import lots_wanted
from membership.points.state import LOT, ORDER_POINTS, REDEMPTION
from membership.programme.versions import ShopRules


def by_order(member: Member, event: Event[Any], shop: ShopRules) -> Wanted:
    data: OrderEvent = event.data
    name = ORDER_POINTS.name(data.order_id)
    wanted, known = [name], member.items.has(name)
    if data.redemption_id is not None:
        wanted.append(REDEMPTION.name(data.redemption_id))
    wanted += _wants_to_release(member, data, event.time, shop, known=known)
    if known:
        wanted += _wants_to_give_back(member, data)
    return wanted


def by_refund(member: Member, event: Event[Any], shop: ShopRules) -> Wanted:
    data: OrderRefunded = event.data
    return () if data.order_id is None else _of_order(member, data)


def by_redeemed(member: Member, event: Event[Any], shop: ShopRules) -> Wanted:
    data: PointsRedeemed = event.data
    wanted = [REDEMPTION.name(data.redemption_id), LOT.all_names]
    return wanted if data.order_id is None else [*wanted, *_of_order(member, data)]


def by_returned(member: Member, event: Event[Any], shop: ShopRules) -> Wanted:
    return REDEMPTION.name(event.data.redemption_id), LOT.all_names


def by_committed(member: Member, event: Event[Any], shop: ShopRules) -> Wanted:
    data: RedemptionCommitted = event.data
    return (REDEMPTION.name(data.redemption_id),)


def by_adjusted(member: Member, event: Event[Any], shop: ShopRules) -> Wanted:
    data: PointsAdjusted = event.data
    return lots_of(member, origin_of(data), shop, event.time) if data.points > 0 else (LOT.all_names,)


def by_paid_out(member: Member, event: Event[Any], shop: ShopRules) -> Wanted:
    data: PointsPaidOut = event.data
    return lots_of(member, data.origin, shop, event.time)


def by_payout_reversed(member: Member, event: Event[Any], shop: ShopRules) -> Wanted:
    assert isinstance(event.data, PayoutReversed)
    return (LOT.all_names,)


def _of_order(member: Member, data: OrderRefunded | PointsRedeemed) -> Wanted:
    """The order that is refunded or paid with points, and once that is loaded what may come back."""
    assert data.order_id is not None
    name = ORDER_POINTS.name(data.order_id)
    return [name, *_wants_to_give_back(member, data)] if member.items.has(name) else (name,)


def _wants_to_release(member: Member, data: OrderEvent, at: datetime, shop: ShopRules, *, known: bool) -> Wanted:
    """The lot of an order that completes; `known`: the order's item is loaded."""
    order = ORDER.get(member, data.order_id) if known else None
    if data.state != "completed" and (order is None or not order.said_completed):
        return ()
    wanted = lots_wanted(member, data.order_id, shop.expiry(at))
    extends = shop.extends_expiry and shop.at(at).points.extended_by == "orders"
    return (*wanted, LOT.all_names) if extends else wanted


def _wants_to_give_back(member: Member, data: OrderEvent | OrderRefunded | PointsRedeemed) -> Wanted:
    """The redemptions of an order that is loaded, and the lots that they took from where some may come back."""
    assert data.order_id is not None
    points = ORDER_POINTS.get(member, data.order_id)
    redemptions = points.redemptions if points is not None else ()
    if isinstance(data, OrderEvent) and data.redemption_id is not None:
        redemptions = (*redemptions, data.redemption_id)
    if not redemptions:
        return ()  # nearly always
    wanted, order = [REDEMPTION.name(one) for one in redemptions], ORDER.get(member, data.order_id)
    if isinstance(data, OrderClosed | OrderRefunded) or (order is not None and order.refunds):
        wanted.append(LOT.all_names)
    return wanted

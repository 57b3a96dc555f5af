"""Which lots, orders and redemptions of a member an input reads or changes: these alone are loaded for it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from common.events import Event
from common.events.membership import (
    PayoutReversed,
    PointsAdjusted,
    PointsPaidOut,
    PointsRedeemed,
    RedemptionCommitted,
    RedemptionReturned,
)
from common.events.orders import OrderClosed, OrderEvent, OrderRefunded
from common.fold.items import Wanted
from membership.member import Member
from membership.orders.state import ORDER
from membership.points.adjustment import lots_of, origin_of
from membership.points.earning import lots_for
from membership.points.state import LOT, ORDER_POINTS, REDEMPTION
from membership.programme.versions import ShopRules


def wanted(member: Member, event: Event[Any], shop: ShopRules) -> Wanted:
    """As far as it shows by what is loaded."""
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
            yield from map(LOT.name, lots_of(origin_of(data), shop, event.time)) if adds else (LOT.all_names,)
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

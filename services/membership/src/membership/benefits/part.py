"""Benefits as a part of the fold: uses reserved, committed by shipment, released when the order ends (MEM-033)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from common.events import Event, EventData
from common.events.membership import (
    BenefitCommitted,
    BenefitReleased,
    BenefitReserved,
    BenefitUsed,
)
from common.events.orders import OrderClosed, OrderCompleted, OrderEvent, OrderPaid, OrderRefunded
from common.fold.items import Wanted
from membership.benefits.state import ORDER_USES, Benefits, Use, UseChange, UseStatus
from membership.member import Member
from membership.orders.state import ORDER, OrderChange
from membership.part import Part, Work
from membership.programme.versions import ShopRules


class Changes(list[UseChange]):
    """What one input did to the uses."""


class BenefitsPart(Part[Benefits]):
    """Whether a use is within the quota is judged when it is reserved; what was promised is then only recorded."""

    name = Benefits.NAME
    state = Benefits
    shares = (ORDER_USES,)

    def announced(self, member: Member) -> tuple[int, int]:
        made = Benefits.of(member)
        return made.standing, made.committed

    def facts(self, before: tuple[int, int], after: tuple[int, int], work: Work) -> Iterable[EventData]:
        standing, committed = after
        changes = work.noted(Changes)
        if changes is None:
            yield BenefitUsed(uses=standing, committed=committed)
            return
        for kind, order_id, status in changes:
            yield BenefitUsed(benefit=kind, order_id=order_id, status=status, uses=standing, committed=committed)

    def said(self, fact: EventData) -> Mapping[str, Any] | None:
        if isinstance(fact, BenefitUsed):
            return {"uses_standing": fact.uses, "uses_committed": fact.committed}
        return None

    def says(self, member: Member) -> Mapping[str, Any]:
        made = Benefits.of(member)
        return {"uses_standing": made.standing, "uses_committed": made.committed}


def _wants(member: Member, event: Event[Any], shop: ShopRules) -> Wanted:
    return (ORDER.name(event.data.order_id),)


def on_reserved(work: Work, data: BenefitReserved) -> None:
    """A use was promised; where its order is shipped or ended already, it is committed or given back at once."""
    uses = ORDER_USES.change(work.member, data.order_id).uses
    known = uses.get(data.benefit)
    if known is not None and known.status != "released":
        return
    uses[data.benefit] = Use(data.day, "reserved", 1 if known is None else known.times + 1)
    Benefits.of(work.member).count(data.benefit, data.day, 1)
    _note(work, UseChange(data.benefit, data.order_id, "reserved"))
    order = ORDER.get(work.member, data.order_id)
    if order is not None and order.completed_at is not None and not order.void:
        _move(work, data.benefit, data.order_id, "committed")
    elif order is not None and order.void:
        _move(work, data.benefit, data.order_id, "released")


def on_committed(work: Work, data: BenefitCommitted) -> None:
    _move(work, data.benefit, data.order_id, "committed")


def on_released(work: Work, data: BenefitReleased) -> None:
    _move(work, data.benefit, data.order_id, "released")


def on_order(work: Work, data: OrderEvent) -> None:
    """A completed order has been shipped; one that is closed without having been gives its uses back."""
    made = ORDER_USES.get(work.member, data.order_id)
    if made is None:
        return
    change = work.noted(OrderChange)
    assert change is not None
    told = not isinstance(data, OrderCompleted) and data.shipped_at is not None
    shipped = told or change.order.completed_at is not None
    status: UseStatus | None = "committed" if shipped else "released" if change.order.void else None
    if status is not None:
        for kind in sorted(made.uses):
            _move(work, kind, data.order_id, status)


def on_refund(work: Work, data: OrderRefunded) -> None:
    """An order that is refunded whole before it was shipped gives its uses back."""
    change = work.noted(OrderChange)
    if change is None or not change.order.void:
        return
    made = ORDER_USES.get(work.member, change.order_id)
    for kind in sorted(made.uses) if made is not None else ():
        _move(work, kind, change.order_id, "released")


def _move(work: Work, kind: str, order_id: str, status: UseStatus) -> None:
    """A use that is reserved becomes committed or released; both are for good."""
    made = ORDER_USES.get(work.member, order_id)
    if made is None or kind not in made.uses or made.uses[kind].status != "reserved":
        return
    use = ORDER_USES.change(work.member, order_id).uses[kind]
    use.status = status
    benefits = Benefits.of(work.member)
    if status == "released":
        benefits.count(kind, use.day, -1)
    else:
        benefits.committed += 1
    _note(work, UseChange(kind, order_id, status))


def _note(work: Work, change: UseChange) -> None:
    changes = work.noted(Changes)
    if changes is None:
        work.note(changes := Changes())
    changes.append(change)


BenefitsPart.inputs = {
    OrderPaid: on_order,
    OrderCompleted: on_order,
    OrderClosed: on_order,
    OrderRefunded: on_refund,
    BenefitReserved: on_reserved,
    BenefitCommitted: on_committed,
    BenefitReleased: on_released,
}
# Of an order, the uses stand in the order's item.
BenefitsPart.wants = dict.fromkeys((BenefitReserved, BenefitCommitted, BenefitReleased), _wants)
BenefitsPart.reads = {
    # A shop that tells no shipment apart says it with what came after: an order may be closed when it is on its way.
    OrderPaid: ("order_id", "shipped_at"),
    OrderCompleted: ("order_id",),
    OrderClosed: ("order_id", "shipped_at"),
    OrderRefunded: ("order_id",),
    BenefitReserved: ("benefit", "order_id", "day"),
    BenefitCommitted: ("benefit", "order_id"),
    BenefitReleased: ("benefit", "order_id"),
}
PART = BenefitsPart()

"""Promises follow the orders that they were made for, beside the fold of the order's own customer.

A shipment commits the uses of benefits on its order: it is no input of the fold, since every order would keep a row of
history for it; a command is recorded where there is a use. An order that comes under another customer, or under none,
commits what was promised to the customer at the checkout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Row

from common.events import Event, EventData, fact_id
from common.events.membership import BenefitCommitted, BenefitReleased, RedemptionCommitted, RedemptionReturned
from common.events.orders import OrderClosed, OrderCompleted, OrderEvent, OrderPaid
from common.storage.database import Transaction
from membership.benefits.state import ORDER_USES
from membership.checkout.promises import promises_of_others
from membership.commands.recording import carry_out_all
from membership.commands.standings import items_of_orders
from membership.fold import MemberFolding
from membership.programme.store import Rulebook

_SHIPPING = "free_shipping"


async def follow_shipments(tx: Transaction, events: Sequence[Event[Any]], rules: Rulebook) -> None:
    """Commit the uses of benefits on orders that are on their way. A rebuild reads the commands back instead."""
    if tx.rebuilding:
        return
    folding = MemberFolding(rules)
    placed = {(event.customer, event.data.order_id) for event in events if event.subject}
    stored = await items_of_orders(tx, folding, placed)
    found = list[Event[Any]]()
    for event in events:
        if event.subject is not None:
            made: Any = stored.get((event.customer, event.data.order_id), {}).get(ORDER_USES.field)
            for kind in sorted(made.uses) if made is not None else ():
                if made.uses[kind].status != "committed":
                    data = BenefitCommitted(benefit=kind, order_id=event.data.order_id)
                    found.append(_command(event, event.subject, data, kind))
    found += await _of_others(tx, events)
    if found:
        await carry_out_all(tx, folding, found)


async def follow_orders_of_others(tx: Transaction, events: Iterable[Event[Any]], rules: Rulebook) -> None:
    """Commit or give back what was promised to one customer for orders that came under another or under none."""
    orders = [e for e in events if isinstance(e.data, OrderPaid | OrderCompleted | OrderClosed)]
    if orders and not tx.rebuilding:
        found = await _of_others(tx, orders)
        if found:
            await carry_out_all(tx, MemberFolding(rules), found)


async def _of_others(tx: Transaction, events: Sequence[Event[Any]]) -> list[Event[Any]]:
    promises: dict[tuple[str, str], list[Row[Any]]] = {}
    for row in await promises_of_others(tx, ((e.shop, e.data.order_id, e.subject) for e in events)):
        promises.setdefault((row.shop, row.order_id), []).append(row)
    return [
        _command(event, row.customer, data, row.redemption_id or _SHIPPING)
        for event in events
        for row in promises.get((event.shop, event.data.order_id), ())
        if row.customer != event.subject
        for data in _made_of(event.data, row)
    ]


def _made_of(order: OrderEvent, promise: Row[Any]) -> Iterator[EventData]:
    """What a version of the order makes of a promise."""
    order_id, shipped = order.order_id, order.shipped_at is not None
    closed, going = isinstance(order, OrderClosed), not isinstance(order, OrderPaid | OrderClosed)
    if promise.redemption_id is not None:
        if closed:
            yield RedemptionReturned(redemption_id=promise.redemption_id)
        elif promise.status == "reserved":
            yield RedemptionCommitted(redemption_id=promise.redemption_id, order_id=order_id)
    elif going or shipped:
        yield BenefitCommitted(benefit=_SHIPPING, order_id=order_id)
    elif closed:
        yield BenefitReleased(benefit=_SHIPPING, order_id=order_id)


def _command(event: Event[Any], customer: str, data: EventData, promise: str) -> Event[Any]:
    """The command that an order's version gives; a repeat of the version is a repeat of the command."""
    command = fact_id(f"{event.source}#{event.id} {promise}", data.TYPE, event.shop, customer, 0)
    source = f"/shops/{event.shop}/membership"
    return Event(command, source, event.shop, customer, event.time, data, causationid=event.id)

"""The way to an order is measured when the order is known, and again when late news changes it (ORD-022, ORD-027)."""

from __future__ import annotations

from collections.abc import Sequence

from common.events import Event, fact_id
from common.events.orders import OrderJourneyMeasured
from common.storage.database import Transaction
from orders_ingest.journeys import store
from orders_ingest.journeys.rules import measured


async def measure_journeys(tx: Transaction, orders: Sequence[tuple[str, str]]) -> int:
    """Measure these orders, whose rows the caller holds, and announce what changed. Returns how many were measured."""
    journeys = await store.get_journeys(tx, orders)
    await tx.lock_customers({(each.shop, each.customer) for each in journeys})
    signs = await store.get_signs(tx, [(each.shop, each.customer, each.placed_at) for each in journeys])
    facts: list[Event[OrderJourneyMeasured]] = []
    for each in journeys:
        figures = measured(each.order_id, each.placed_at, signs.get((each.shop, each.customer), ()))
        if figures != each.figures:
            data = OrderJourneyMeasured(order_id=each.order_id, revision=each.revision + 1, **figures._asdict())
            facts.append(_fact(each, data))
    await store.save_measured(tx, facts)
    await store.settle(tx, orders)
    await tx.announce(facts)
    return len(journeys)


def _fact(journey: store.Journey, data: OrderJourneyMeasured) -> Event[OrderJourneyMeasured]:
    """At the time of the order; its id follows from the order and the revision."""
    shop, customer = journey.shop, journey.customer
    id_ = fact_id(f"journey@{journey.order_id}", data.TYPE, shop, customer, data.revision)
    return Event(id_, f"/shops/{shop}/orders-ingest", shop, customer, journey.placed_at, data)

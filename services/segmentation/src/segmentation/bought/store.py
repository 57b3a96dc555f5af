"""How each order was bought, and what: one row an order, by the highest revision of the order and of its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import orjson

from common.crypto.erasing import NOT_ERASED
from common.events import CustomerKey, Event
from common.events.orders import OrderCompleted, OrderJourneyMeasured
from common.shops.settings import ShopSettings
from common.storage.columns import Columns
from common.storage.database import Transaction
from segmentation.people.identifiers import IDENTIFIERS
from segmentation.purchases.counting import COUNTING_SALE
from segmentation.traits.state import Bought, Line

_ORDERS = Columns(
    "w",
    shop="text",
    customer="text",
    order_id="text",
    revision="bigint",
    day="date",
    hour="smallint",
    promoted="boolean",
    units="integer",
    entry_path="text",
    platform="text",
    lines="text",
    life_state="text",
    placed_at="timestamptz",
)
_KEYS = Columns("w", shop="text", customer="text")
_WAYS = Columns(
    "w",
    shop="text",
    customer="text",
    order_id="text",
    journey="bigint",
    silent="boolean",
    decision_seconds="integer",
    compared_items="integer",
    reviews_viewed="integer",
)


async def save_orders(
    tx: Transaction, events: Sequence[Event[OrderCompleted]], settings: Mapping[str, ShopSettings]
) -> None:
    """Take these versions of completed orders; of each order the highest revision stays. Idempotent.

    Of an erased customer it is not kept what the address told. The customers are locked, as an erasure comes on
    another topic.
    """
    newest: dict[tuple[str, str, str], Event[OrderCompleted]] = {}
    for event in events:
        name = *event.customer, event.data.order_id
        known = newest.get(name)
        if known is None or known.data.revision <= event.data.revision:
            newest[name] = event
    # By primary key, sorted, so that two writers never wait for each other in a circle.
    await tx.execute(
        f"""
        insert into order_facts as k
            (shop, customer, order_id, revision, day, hour, promoted, units, entry_path, platform, lines, life_state,
             placed_at)
        select shop, customer, order_id, revision, day, hour, promoted, units, entry_path, platform,
               cast(lines as jsonb),
               case when {NOT_ERASED} then life_state end, case when {NOT_ERASED} then placed_at end
        from {_ORDERS}
        on conflict (shop, customer, order_id) do update
        set revision = excluded.revision, day = excluded.day, hour = excluded.hour, promoted = excluded.promoted,
            units = excluded.units, entry_path = excluded.entry_path, platform = excluded.platform,
            lines = excluded.lines, life_state = excluded.life_state, placed_at = excluded.placed_at
        where k.revision is null or k.revision <= excluded.revision
        """,
        **_ORDERS.of((*name, *values_of(e, settings[e.shop])) for name, e in sorted(newest.items())),
    )


def values_of(event: Event[OrderCompleted], settings: ShopSettings) -> tuple[Any, ...]:
    """Revision, day, hour, promoted, units, way in, platform, lines (JSON), life state and since when of an order."""
    data, at = event.data, event.data.placed_at or event.data.paid_at or event.time
    # A history of dates alone stands at midnight: its hours say nothing.
    local = at.astimezone(settings.at(at).zone)
    hour = None if (local.hour, local.minute, local.second) == (0, 0, 0) else local.hour
    goods = [line for line in data.lines if line.kind == "goods"]
    kept = [[each.sku, each.category, each.brand, each.quantity, each.paid, each.mark] for each in goods]
    lines = orjson.dumps(kept).decode() if kept else None
    units = sum(line.quantity for line in goods)
    told = data.life_state, at if data.life_state is not None else None
    bought = bool(data.promotions), units, data.entry_path, platform_of(data), lines
    return data.revision, local.date(), hour, *bought, *told


def platform_of(order: OrderCompleted) -> str | None:
    """The platform on which it was bought (ORD-024), without blanks around it; None where the shop does not say."""
    return (order.platform or "").strip() or None


async def erase_life_states(tx: Transaction, customers: Sequence[CustomerKey]) -> None:
    """Forget what the addresses of these customers' orders told."""
    # By the index on orders that tell one.
    await tx.execute(
        f"""
        update order_facts f set life_state = null, placed_at = null from {_KEYS}
        where f.shop = w.shop and f.customer = w.customer and f.life_state is not null
        """,
        **_KEYS.of(customers),
    )


async def save_ways(tx: Transaction, events: Sequence[Event[OrderJourneyMeasured]]) -> None:
    """Take these measured ways; of each order the highest revision stays, whether its order is known yet or not."""
    newest: dict[tuple[str, str, str], OrderJourneyMeasured] = {}
    for event in sorted(events, key=lambda e: e.data.revision):
        newest[(*event.customer, event.data.order_id)] = event.data
    # By primary key, sorted.
    await tx.execute(
        f"""
        insert into order_facts as k
            (shop, customer, order_id, journey, silent, decision_seconds, compared_items, reviews_viewed)
        select shop, customer, order_id, journey, silent, decision_seconds, compared_items, reviews_viewed
        from {_WAYS}
        on conflict (shop, customer, order_id) do update
        set journey = excluded.journey, silent = excluded.silent, decision_seconds = excluded.decision_seconds,
            compared_items = excluded.compared_items, reviews_viewed = excluded.reviews_viewed
        where k.journey is null or k.journey <= excluded.journey
        """,
        **_WAYS.of(
            (*name, d.revision, d.silent, d.decision_seconds, d.compared_items, d.reviews_viewed)
            for name, d in sorted(newest.items())
        ),
    )


async def get_bought(
    tx: Transaction, shop: str, customers: Sequence[str], since: date, currency: str, most: int
) -> dict[str, list[Bought]]:
    """These people's orders that count, of that day and later, the newest first, `most` of each; each has an entry."""
    # Of each identifier a range of the primary key, and of its newest orders the sale of each (decision 0080).
    rows = await tx.fetch(
        f"""
        select w.customer, b.* from {_KEYS} cross join lateral (
            select f.*, s.currency, s.paid - s.refunded as net
            from (
                select f.order_id, f.day, f.hour, f.promoted, f.entry_path, cast(f.lines as text) as lines, f.silent,
                       f.decision_seconds, f.compared_items, f.reviews_viewed
                from {IDENTIFIERS} cross join lateral (
                    select * from order_facts f
                    where f.shop = w.shop and f.customer = i.name and f.day >= :since and f.revision is not null
                    order by f.order_id
                ) f order by f.day desc, f.order_id
            ) f cross join lateral {COUNTING_SALE}
            order by f.day desc, f.order_id limit :most
        ) b order by w.customer, b.day desc, b.order_id
        """,
        **_KEYS.of((shop, customer) for customer in customers),
        since=since,
        most=most,
    )
    found: dict[str, list[Bought]] = {customer: [] for customer in customers}
    for row in rows:
        found[row.customer].append(
            Bought(
                day=row.day,
                net=int(row.net) if row.currency == currency else None,
                hour=row.hour,
                promoted=row.promoted,
                lines=tuple(Line(*line) for line in orjson.loads(row.lines)) if row.lines else (),
                entry_path=row.entry_path,
                silent=row.silent,
                decision_seconds=row.decision_seconds,
                compared_items=row.compared_items,
                reviews_viewed=row.reviews_viewed,
            )
        )
    return found

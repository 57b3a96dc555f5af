"""Conditions, purchases and order news as they are kept: each input once, with when it was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.conditions.state import Condition, Facts, OrderNews

_WANTED = Columns("w", shop="text", customer="text")
_CONDITIONS = Columns(
    "n", shop="text", customer="text", subject="text", revision="bigint", at="timestamptz", value="text"
)
_NEWS = Columns(
    "n", shop="text", customer="text", order_id="text", cause="text", kind="text", at="timestamptz", said="text"
)
_PURCHASES = Columns("n", shop="text", customer="text", at="timestamptz")


async def save_conditions(tx: Transaction, held: Sequence[tuple[CustomerKey, datetime, Condition]]) -> None:
    """Add what became so at a time: (customer, from when, condition). Idempotent."""
    if not held:
        return
    # One row a revision; the same revision again is the same fact.
    await tx.execute(
        f"""
        insert into conditions (shop, customer, subject, revision, at, value) select * from {_CONDITIONS}
        on conflict do nothing
        """,
        **_CONDITIONS.of((*key, c.subject, c.revision, at, c.value) for key, at, c in held),
    )


async def save_order_news(tx: Transaction, news: Sequence[tuple[CustomerKey, str, OrderNews]]) -> None:
    """Add versions and refunds of orders: (customer, `source#id` of the event, what was said). Idempotent."""
    if not news:
        return
    # What decides about a message of the order, and no more of the event.
    await tx.execute(
        f"""
        insert into order_news (shop, customer, order_id, cause, kind, at, said)
        select shop, customer, order_id, cause, kind, at, cast(said as jsonb) from {_NEWS} on conflict do nothing
        """,
        **_NEWS.of((*key, n.order_id, cause, n.kind, n.at, n.essentials()) for key, cause, n in news),
    )


async def save_purchases(tx: Transaction, bought: Sequence[tuple[CustomerKey, datetime]]) -> None:
    """Add the times at which orders were placed, paid or completed. Idempotent."""
    if not bought:
        return
    # Only the times count here, not the orders.
    await tx.execute(
        f"insert into purchases (shop, customer, at) select * from {_PURCHASES} on conflict do nothing",
        **_PURCHASES.of((*key, at) for key, at in bought),
    )


async def get_facts(
    tx: Transaction, keys: Sequence[CustomerKey], orders: Sequence[str] = ()
) -> dict[CustomerKey, Facts]:
    """What messages to these customers rest on, of orders only those given; every key has an entry."""
    found, wanted = {key: Facts() for key in keys}, _WANTED.of(keys)
    # The conditions: few a customer.
    for r in await tx.fetch(
        f"""
        select t.shop, t.customer, t.subject, t.revision, t.at, t.value
        from {_WANTED} join conditions t using (shop, customer)
        """,
        **wanted,
    ):
        found[(r.shop, r.customer)].conditions.append((r.at, Condition(r.subject, r.revision, r.value)))
    # When they ordered.
    for r in await tx.fetch(
        f"select t.shop, t.customer, t.at from {_WANTED} join purchases t using (shop, customer)", **wanted
    ):
        found[(r.shop, r.customer)].purchases.append(r.at)
    if not orders:
        return found
    # What was said about the orders that messages are about.
    for r in await tx.fetch(
        f"""
        select t.shop, t.customer, t.order_id, t.kind, t.at, cast(t.said as text) as said
        from {_WANTED} join order_news t using (shop, customer) where t.order_id = any(:orders) order by t.at
        """,
        **wanted,
        orders=sorted(set(orders)),
    ):
        found[(r.shop, r.customer)].orders.append(OrderNews.stored(r.order_id, r.kind, r.at, r.said))
    return found

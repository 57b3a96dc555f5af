"""SQL of orders, their owners and numbers as a rebuild finds them on the topic, in any order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from common.events import Event
from common.events.orders import OrderEvent
from common.storage.database import Transaction
from orders_ingest.orders.state import Named
from orders_ingest.orders.store import NUMBERS, OWNERS, WANTED, claim_orders, save_orders


async def restore_orders(tx: Transaction, versions: Sequence[Event[OrderEvent]], owners: Mapping[Named, str]) -> None:
    """Keep the newest of these versions, and whose their orders are ('': they do not say).

    `owners` names every order of the versions. Nobody else writes while a database is rebuilt.
    """
    named = {(event.shop, event.data.order_id) for event in versions} | {key for key, owner in owners.items() if owner}
    if not named:
        return
    # Versions are saved into rows that are there.
    await tx.execute(
        f"insert into orders (shop, order_id, customer) select * from {OWNERS} on conflict do nothing",
        **OWNERS.of((*key, owners[key]) for key in sorted(named)),
    )
    await save_orders(tx, [(event, event.data.as_json()) for event in versions])
    await claim_orders(tx, {key: owner for key, owner in owners.items() if owner})


async def get_owners(tx: Transaction, orders: Collection[Named]) -> dict[Named, str]:
    """Whose the orders are, as far as that is known."""
    # By primary key.
    rows = await tx.fetch(
        f"""
        select o.shop, o.order_id, o.customer from {WANTED} join orders o using (shop, order_id)
        where o.customer <> ''
        """,
        **WANTED.of(orders),
    )
    return {(r.shop, r.order_id): r.customer for r in rows}


async def restore_numbers(tx: Transaction, numbers: Sequence[tuple[str, str, str, int]]) -> None:
    """Keep the numbers that were given: (shop, order, customer as published, number)."""
    if not numbers:
        return
    # Every version of a completed order says its number.
    await tx.execute(
        f"""
        insert into completed_orders (shop, order_id, customer, sequence) select * from {NUMBERS}
        on conflict (shop, order_id) do nothing
        """,
        **NUMBERS.of({(shop, order): (shop, order, *rest) for shop, order, *rest in numbers}.values()),
    )

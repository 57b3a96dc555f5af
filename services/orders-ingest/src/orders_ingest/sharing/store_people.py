"""SQL of what a file for a partner is made of: persons, page by page, with their profiles and orders (SEC-007)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from common.people.store import get_people
from common.storage.columns import Columns
from common.storage.database import Transaction
from orders_ingest.sharing.state import SharedOrder, SharedProfile

_IDENTIFIERS = Columns("w", person="text", customer="text")


async def list_people(tx: Transaction, shop: str, after: str, limit: int) -> dict[str, list[str]]:
    """Persons behind this one by the identifier that goes on, with all their identifiers."""
    # By primary key; who was absorbed belongs to another person.
    rows = await tx.fetch(
        """
        select customer from customers where shop = :shop and customer > :after and merged_into is null
        order by customer limit :limit
        """,
        shop=shop,
        after=after,
        limit=limit,
    )
    found = await get_people(tx, [(shop, row.customer) for row in rows])
    return {person: [name for _, name in found[shop, person]] for (person,) in rows}


async def list_erased(tx: Transaction, shop: str, customers: Collection[str]) -> set[str]:
    """Those of these identifiers that were erased: their key is gone. By primary key."""
    rows = await tx.fetch(
        """
        select customer from customer_keys
        where shop = :shop and customer = any(cast(:customers as text[])) and erased_at is not null
        """,
        shop=shop,
        customers=sorted(customers),
    )
    return {row.customer for row in rows}


async def list_descriptions(tx: Transaction, shop: str, people: dict[str, list[str]]) -> dict[str, SharedProfile]:
    """What describes these persons, as the newest profile of each says it."""
    # By primary key; of a person with several identifiers the profile that was changed last.
    rows = await tx.fetch(
        f"""
        select distinct on (w.person) w.person, p.body ->> 'region' as region, p.body ->> 'city' as city,
               p.body ->> 'gender' as gender, cast(p.body ->> 'born_from' as integer) as born_from,
               p.body ->> 'language' as language
        from {_IDENTIFIERS} join profiles p on p.shop = :shop and p.customer = w.customer
        order by w.person, p.changed_at desc, p.customer
        """,
        shop=shop,
        **_identifiers(people),
    )
    return {r.person: SharedProfile(r.region, r.city, r.gender, r.born_from, r.language) for r in rows}


async def list_orders(
    tx: Transaction, shop: str, people: dict[str, list[str]], since: datetime | None, until: datetime | None
) -> dict[str, list[SharedOrder]]:
    """The orders of these persons that were placed in the period, oldest first; `customer` is the person."""
    # By the index of a customer's orders, and that of an order's refunds.
    rows = await tx.fetch(
        f"""
        select * from (
            select w.person as customer, o.order_id,
                   coalesce(cast(o.body ->> 'placed_at' as timestamptz), o.at) as placed_at,
                   o.state, o.currency, o.goods_paid as paid, o.freight,
                   coalesce((select sum(r.amount) from refunds r
                             where r.shop = o.shop and r.order_id = o.order_id and r.state = 'counted'), 0) as refunded,
                   l.items, l.categories, l.brands
            from {_IDENTIFIERS}
            join orders o on o.shop = :shop and o.customer = w.customer and o.customer <> '' and o.revision is not null
            cross join lateral (
                select coalesce(sum(cast(l ->> 'quantity' as bigint)), 0) as items,
                       coalesce(array_agg(distinct l ->> 'category') filter (where l ->> 'category' <> ''), '{{}}')
                           as categories,
                       coalesce(array_agg(distinct l ->> 'brand') filter (where l ->> 'brand' <> ''), '{{}}') as brands
                from json_array_elements(coalesce(o.body -> 'lines', '[]')) l
            ) l
        ) found
        where (cast(:since as timestamptz) is null or placed_at >= :since)
          and (cast(:until as timestamptz) is null or placed_at < :until)
        order by customer, placed_at, order_id
        """,
        shop=shop,
        since=since,
        until=until,
        **_identifiers(people),
    )
    found: dict[str, list[SharedOrder]] = {}
    for row in rows:
        order = SharedOrder(**{**row._mapping, "refunded": int(row.refunded), "items": int(row.items)})
        found.setdefault(order.customer, []).append(order)
    return found


def _identifiers(people: dict[str, list[str]]) -> dict[str, object]:
    return _IDENTIFIERS.of((person, name) for person, names in people.items() for name in names)

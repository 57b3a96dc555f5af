"""The identifiers of each person whom merges concern, in one flat table beside `customers.merged_into`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.people.rules import survivor
from common.people.store import get_people
from common.storage.columns import Columns
from common.storage.database import Transaction

_PEOPLE = Columns("w", shop="text", customer="text", person="text")


async def follow_merge(tx: Transaction, shop: str, names: Sequence[str]) -> list[CustomerKey]:
    """Keep who is one person now, after a merge of these customers or its undoing; returns everybody concerned.

    They are locked. Idempotent.
    """
    # Those who were one person with them before: by the index on persons.
    rows = await tx.fetch(
        """
        select distinct o.customer from people p join people o on o.shop = p.shop and o.person = p.person
        where p.shop = :shop and p.customer = any(:names)
        """,
        shop=shop,
        names=list(names),
    )
    concerned = sorted({(shop, row.customer) for row in rows} | {(shop, name) for name in names})
    people = await get_people(tx, concerned)
    everybody = sorted({one for of in people.values() for one in of} | set(concerned))
    # By primary key.
    await tx.execute(
        "delete from people where shop = :shop and customer = any(:names)",
        shop=shop,
        names=[name for _, name in everybody],
    )
    await tx.execute(
        f"insert into people (shop, customer, person) select shop, customer, person from {_PEOPLE}",
        **_PEOPLE.of(
            sorted({(*one, of[0][1]) for of in people.values() if len(of) > 1 for one in of})  # once each
        ),
    )
    return everybody


async def list_people(tx: Transaction) -> set[tuple[str, str, str]]:
    """All rows: shop, identifier, person."""
    # One pass over few rows.
    rows = await tx.fetch("select shop, customer, person from people")
    return {(row.shop, row.customer, row.person) for row in rows}


async def list_merges(tx: Transaction) -> set[tuple[str, str, str]]:
    """What the rows must be, by the edges that stand in `customers`."""
    # By the index of absorbed customers.
    rows = await tx.fetch("select shop, customer, merged_into from customers where merged_into is not null")
    return set(list_flat(rows))


def list_flat(edges: Sequence[Row[Any]]) -> Iterable[tuple[str, str, str]]:
    above: dict[str, dict[str, str | None]] = {}
    for edge in edges:
        above.setdefault(edge.shop, {})[edge.customer] = edge.merged_into
    for shop, of_shop in above.items():
        yield from _of_shop(shop, of_shop)


def _of_shop(shop: str, of_shop: Mapping[str, str | None]) -> Iterable[tuple[str, str, str]]:
    for customer in of_shop:
        person = survivor(of_shop, customer)
        yield shop, customer, person
        yield shop, person, person

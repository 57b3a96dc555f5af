"""Profiles: one row a customer, by the highest revision."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row

from common.crypto.erasing import NOT_ERASED
from common.events import CustomerKey, Event
from common.events.customers import CustomerProfile
from common.storage.columns import Columns
from common.storage.database import Transaction
from segmentation.people.identifiers import IDENTIFIERS
from segmentation.profiles.rules import city_level
from segmentation.purchases.counting import COUNTING_SALE

_PROFILES = Columns(
    "w",
    shop="text",
    customer="text",
    revision="bigint",
    gender="text",
    region="text",
    city="text",
    city_level="text",
    education="text",
    credit_level="text",
    source="text",
    life_state="text",
    born_from="smallint",
)
_KEYS = Columns("w", shop="text", customer="text")
# Of each of these people what their newest order that counts and tells a life state tells, and what their row says.
# Of each identifier the orders that tell one, from the newest on until a sale counts: probes, whatever the plan
# (decision 0080). Nothing is left out by the offset: without it each of them would be asked for twice.
_TOLD = f"""
select w.shop, w.customer, (
    select o.life_state from {IDENTIFIERS} cross join lateral (
        select f.life_state, f.placed_at, f.order_id from order_facts f cross join lateral {COUNTING_SALE}
        where f.shop = w.shop and f.customer = i.name and f.life_state is not null and f.revision is not null
        order by f.placed_at desc, f.order_id desc limit 1
    ) o order by o.placed_at desc, o.order_id desc limit 1
) as told, (
    select p.sent_state from profiles p where p.shop = w.shop and p.customer = w.customer
) as said
from {_KEYS} where {NOT_ERASED} offset 0
"""
COLUMNS = "gender, region, city, city_level, education, credit_level, source, life_state, born_from"


async def save_profiles(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    """Take these versions; of each customer the highest revision stays, of equal ones the later event. Idempotent.

    Of an erased customer nothing is taken.
    """
    newest: dict[tuple[str, str], Event[CustomerProfile]] = {}
    for event in sorted(events, key=lambda e: (e.data.revision, e.order_key)):
        newest[event.customer] = event
    # By primary key, sorted, so that two writers never wait for each other in a circle.
    await tx.execute(
        f"""
        insert into profiles as k (shop, customer, revision, {COLUMNS})
        select shop, customer, revision, {COLUMNS} from {_PROFILES} where {NOT_ERASED}
        on conflict (shop, customer) do update
        set revision = excluded.revision, gender = excluded.gender, region = excluded.region, city = excluded.city,
            city_level = excluded.city_level, education = excluded.education, credit_level = excluded.credit_level,
            source = excluded.source, life_state = excluded.life_state, born_from = excluded.born_from
        where k.revision is null or k.revision <= excluded.revision
        """,
        **_PROFILES.of((*key, e.data.revision, *values_of(e.data)) for key, e in sorted(newest.items())),
    )


def values_of(data: CustomerProfile) -> tuple[str | int | None, ...]:
    """What is kept of a profile, in the order of COLUMNS."""
    level = city_level(data.region, data.city)
    return (
        data.gender, data.region, data.city, level, data.education, data.credit_level, data.source, data.life_state,
        data.born_from,
    )  # fmt: skip


async def follow_orders(tx: Transaction, people: Collection[CustomerKey]) -> None:
    """Have the rows of these people say what the address of their newest order that counts tells (SEG-040).

    A corrected order tells what its newest version does, and one that counts no more tells nothing. The customers are
    locked; of an erased one nothing is kept.
    """
    if not people:
        return
    keys = _KEYS.of(sorted(people))
    # Those are written alone that say otherwise.
    changed = await tx.fetch(
        f"""
        insert into profiles as k (shop, customer, sent_state)
        select shop, customer, told from ({_TOLD}) t where told is distinct from said
        on conflict (shop, customer) do update set sent_state = excluded.sent_state
        returning k.sent_state is null and k.revision is null as empty
        """,
        **keys,
    )
    if any(row.empty for row in changed):
        # As if no order had told anything.
        await tx.execute(
            f"""
            delete from profiles p using {_KEYS} where p.shop = w.shop and p.customer = w.customer
              and p.revision is null and p.sent_state is null
            """,
            **keys,
        )


async def list_off(tx: Transaction, people: Collection[CustomerKey]) -> list[CustomerKey]:
    """Those of these people whose row does not say what their orders tell."""
    # As above.
    rows = await tx.fetch(
        f"select shop, customer from ({_TOLD}) t where told is distinct from said", **_KEYS.of(sorted(people))
    )
    return [(row.shop, row.customer) for row in rows]


async def erase_profiles(tx: Transaction, customers: Sequence[CustomerKey]) -> None:
    """Remove what the shop said of them."""
    # By primary key.
    await tx.execute(
        f"delete from profiles p using {_KEYS} where p.shop = w.shop and p.customer = w.customer", **_KEYS.of(customers)
    )


async def get_profile(tx: Transaction, shop: str, customer: str) -> Row[Any] | None:
    """The row of COLUMNS, of the person; None where no profile ever came."""
    # By primary key.
    return await tx.fetch_one(
        f"select {COLUMNS} from profiles_of_people where shop = :shop and customer = :customer",
        shop=shop,
        customer=customer,
    )

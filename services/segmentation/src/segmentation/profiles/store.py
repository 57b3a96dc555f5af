"""Profiles: one row a customer, by the highest revision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from common.crypto.erasing import NOT_ERASED
from common.events import CustomerKey, Event
from common.events.customers import CustomerProfile
from common.storage.columns import Columns
from common.storage.database import Transaction
from segmentation.profiles.rules import city_level

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
        where k.revision <= excluded.revision
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

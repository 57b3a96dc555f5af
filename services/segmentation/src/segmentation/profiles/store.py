"""Profiles: one row a customer, by the highest revision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.crypto.erasing import NOT_ERASED
from common.events import CustomerKey, Event
from common.events.customers import CustomerProfile
from common.events.orders import OrderEvent
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
_SENT = Columns("w", shop="text", customer="text", state="text", at="timestamptz", revision="bigint")
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


async def save_sent(tx: Transaction, events: Sequence[Event[OrderEvent]]) -> None:
    """Take what the addresses of these orders tell; of each customer the newest order's stays (SEG-040). Idempotent.

    Of an erased customer nothing is taken. The customers are locked, as an erasure comes on another topic.
    """
    newest: dict[CustomerKey, tuple[datetime, int, str]] = {}
    for event in events:
        said = sent(event)
        if said is not None:
            newest[event.customer] = max(said, newest.get(event.customer, said))
    if newest:
        # By primary key, sorted; of equal versions the same stays, whichever comes first.
        await tx.execute(
            f"""
            insert into profiles as k (shop, customer, sent_state, sent_at, sent_revision)
            select shop, customer, state, at, revision from {_SENT} where {NOT_ERASED}
            on conflict (shop, customer) do update
            set sent_state = excluded.sent_state, sent_at = excluded.sent_at, sent_revision = excluded.sent_revision
            where k.sent_at is null or (k.sent_at, k.sent_revision, k.sent_state collate "C")
                < (excluded.sent_at, excluded.sent_revision, excluded.sent_state collate "C")
            """,
            **_SENT.of((*key, state, at, revision) for key, (at, revision, state) in sorted(newest.items())),
        )


def sent(event: Event[OrderEvent]) -> tuple[datetime, int, str] | None:
    """When the order was placed, its revision, and the life state that its address tells; None: it tells none."""
    data = event.data
    if data.life_state is None:
        return None
    return data.placed_at or data.paid_at or event.time, data.revision, data.life_state


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

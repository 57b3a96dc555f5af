"""SQL of customers as they stand: profiles and consents; the newest counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from common.crypto.erasing import NOT_ERASED
from common.events import CustomerKey, Event
from common.events.customers import ConsentChanged, CustomerProfile
from common.storage.columns import Columns
from common.storage.database import Transaction


class ProfileRow(NamedTuple):
    """`body`: the profile's data as JSON text, personal fields sealed; `at`: of this version."""

    shop: str
    customer: str
    revision: int
    numbered: bool
    at: datetime
    body: str


class StoredProfile(NamedTuple):
    """`registered_at`: the earliest time of all versions."""

    revision: int
    numbered: bool
    registered_at: datetime
    body: dict[str, Any]


class ConsentRow(NamedTuple):
    """A consent given or withdrawn for one channel and purpose."""

    shop: str
    customer: str
    channel: str
    purpose: str
    granted: bool
    at: datetime
    source: str | None


CUSTOMERS = Columns("w", shop="text", customer="text")
PROFILES = Columns(
    "w",
    shop="text",
    customer="text",
    revision="bigint",
    numbered="boolean",
    registered_at="timestamptz",
    changed_at="timestamptz",
    body="jsonb",
)
CONSENTS = Columns(
    "n",
    shop="text",
    customer="text",
    channel="text",
    purpose="text",
    granted="boolean",
    at="timestamptz",
    source="text",
)


async def get_profiles(tx: Transaction, customers: Iterable[CustomerKey]) -> dict[CustomerKey, StoredProfile]:
    """The stored profiles; the caller holds the customers' locks."""
    rows = await tx.fetch(
        f"""
        select p.shop, p.customer, p.revision, p.numbered, p.registered_at, cast(p.body as text) as body
        from {CUSTOMERS} join profiles p on p.shop = w.shop and p.customer = w.customer
        """,
        **CUSTOMERS.of(sorted(set(customers))),
    )
    return {
        (r.shop, r.customer): StoredProfile(r.revision, r.numbered, r.registered_at, orjson.loads(r.body)) for r in rows
    }


async def save_customers(tx: Transaction, events: Iterable[Event[Any]]) -> None:
    """Keep the newest profile and consents of each customer; the events are as published, others are passed over."""
    profiles, consents = [], []
    for event in events:
        data, (shop, customer) = event.data, (event.shop, event.subject or "")
        if isinstance(data, CustomerProfile):
            body = data.model_dump_json(exclude_none=True)
            profiles.append(ProfileRow(shop, customer, data.revision, data.version is not None, event.time, body))
        elif isinstance(data, ConsentChanged):
            consents.append(
                ConsentRow(shop, customer, data.channel, data.purpose, data.granted, event.time, data.source)
            )
    await _save_profiles(tx, profiles)
    await _save_consents(tx, consents)


async def _save_profiles(tx: Transaction, versions: Sequence[ProfileRow]) -> None:
    """Keep of each customer the profile of the highest revision, and the earliest time of all; of an erased one none,
    whichever a rebuild reads first."""
    newest: dict[CustomerKey, ProfileRow] = {}
    first: dict[CustomerKey, datetime] = {}
    for row in versions:
        key = row.shop, row.customer
        first[key] = min(row.at, first.get(key, row.at))
        if key not in newest or (row.revision, row.body) > (newest[key].revision, newest[key].body):
            newest[key] = row
    if not newest:
        return
    # The primary key closes the race of two registrations.
    await tx.execute(
        f"""
        insert into profiles (shop, customer, revision, numbered, registered_at, changed_at, body)
        select * from {PROFILES} where {NOT_ERASED}
        on conflict (shop, customer) do update set
            revision = greatest(profiles.revision, excluded.revision),
            registered_at = least(profiles.registered_at, excluded.registered_at),
            changed_at = case when excluded.revision > profiles.revision then excluded.changed_at
                              else profiles.changed_at end,
            body = case when excluded.revision > profiles.revision then excluded.body else profiles.body end
        """,
        **PROFILES.of(
            (*key, row.revision, row.numbered, first[key], row.at, row.body) for key, row in sorted(newest.items())
        ),
    )


async def erase_profiles(tx: Transaction, customers: Iterable[CustomerKey]) -> None:
    """Remove all that was said of who they are: what is sealed, and what describes them in plain."""
    # By primary key.
    await tx.execute(
        f"delete from profiles p using {CUSTOMERS} where p.shop = w.shop and p.customer = w.customer",
        **CUSTOMERS.of(sorted(set(customers))),
    )


async def _save_consents(tx: Transaction, consents: Sequence[ConsentRow]) -> None:
    """Keep the newest of each channel and purpose; of two at one instant the one that withdraws (SEC-005)."""
    newest: dict[tuple[str, ...], ConsentRow] = {}
    for row in consents:
        kept = newest.get(row[:4])
        if kept is None or (row.at, not row.granted) > (kept.at, not kept.granted):
            newest[row[:4]] = row
    if not newest:
        return
    # The primary key closes the race of two consents of one channel.
    await tx.execute(
        f"""
        insert into consents (shop, customer, channel, purpose, granted, at, source)
        select * from {CONSENTS}
        on conflict (shop, customer, channel, purpose) do update set
            granted = excluded.granted, at = excluded.at, source = excluded.source
        where (excluded.at, not excluded.granted) > (consents.at, not consents.granted)
        """,
        **CONSENTS.of(newest[key] for key in sorted(newest)),
    )


async def list_consents(tx: Transaction, shop: str, customer: str) -> Sequence[Any]:
    """The newest consent of each channel and purpose that came here."""
    # By primary key.
    return await tx.fetch(
        """
        select channel, purpose, granted, at, source from consents
        where shop = :shop and customer = :customer order by channel, purpose
        """,
        shop=shop,
        customer=customer,
    )


async def get_consents(
    tx: Transaction, customers: Iterable[CustomerKey]
) -> dict[CustomerKey, dict[tuple[str, str], ConsentRow]]:
    """Each customer's newest consents, by (channel, purpose); the caller holds the customers' locks."""
    rows = await tx.fetch(
        f"""
        select c.shop, c.customer, c.channel, c.purpose, c.granted, c.at, c.source
        from {CUSTOMERS} join consents c on c.shop = w.shop and c.customer = w.customer
        """,
        **CUSTOMERS.of(sorted(set(customers))),
    )
    found: dict[CustomerKey, dict[tuple[str, str], ConsentRow]] = {}
    for row in rows:
        found.setdefault((row.shop, row.customer), {})[row.channel, row.purpose] = ConsentRow(*tuple(row))
    return found


async def count_customers(tx: Transaction, shop: str) -> Any:
    """`profiles` that came, `customers` known by anything, and `consents` that stand as given."""
    return await tx.fetch_one(
        """
        select (select count(*) from profiles where shop = :shop) as profiles,
               (select count(*) from customers where shop = :shop) as customers,
               (select count(*) from consents where shop = :shop and granted) as consents
        """,
        shop=shop,
    )

"""What do we know of a customer, and what was told about consent? The newest counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from common.events import CustomerKey
from common.storage.database import Transaction


class ProfileRow(NamedTuple):
    """`body`: the profile's data as JSON text, personal fields sealed."""

    shop: str
    customer: str
    revision: int
    numbered: bool
    at: datetime
    body: str


class StoredProfile(NamedTuple):
    revision: int
    numbered: bool
    registered_at: datetime
    body: dict[str, Any]


class ConsentRow(NamedTuple):
    shop: str
    customer: str
    channel: str
    purpose: str
    granted: bool
    at: datetime
    source: str | None


async def get_profiles(tx: Transaction, customers: Iterable[CustomerKey]) -> dict[CustomerKey, StoredProfile]:
    wanted = sorted(set(customers))
    # The stored profiles; the caller holds the customers' locks.
    rows = await tx.fetch(
        """
        select p.shop, p.customer, p.revision, p.numbered, p.registered_at, cast(p.body as text) as body
        from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
        join profiles p on p.shop = w.shop and p.customer = w.customer
        """,
        shops=[w[0] for w in wanted],
        customers=[w[1] for w in wanted],
    )
    return {
        (r.shop, r.customer): StoredProfile(r.revision, r.numbered, r.registered_at, orjson.loads(r.body)) for r in rows
    }


async def save_profiles(tx: Transaction, versions: Sequence[ProfileRow]) -> None:
    """Keep of each customer the profile of the highest revision, and the earliest time of all."""
    newest: dict[CustomerKey, ProfileRow] = {}
    first: dict[CustomerKey, datetime] = {}
    for row in versions:
        key = row.shop, row.customer
        first[key] = min(row.at, first.get(key, row.at))
        if key not in newest or (row.revision, row.body) > (newest[key].revision, newest[key].body):
            newest[key] = row
    if not newest:
        return
    keys = sorted(newest)
    await tx.execute(
        """
        insert into profiles (shop, customer, revision, numbered, registered_at, body)
        select * from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:revisions as bigint[]),
                             cast(:numbered as boolean[]), cast(:firsts as timestamptz[]), cast(:bodies as jsonb[]))
        on conflict (shop, customer) do update set
            revision = greatest(profiles.revision, excluded.revision),
            registered_at = least(profiles.registered_at, excluded.registered_at),
            body = case when excluded.revision > profiles.revision then excluded.body else profiles.body end
        """,
        shops=[k[0] for k in keys],
        customers=[k[1] for k in keys],
        revisions=[newest[k].revision for k in keys],
        numbered=[newest[k].numbered for k in keys],
        firsts=[first[k] for k in keys],
        bodies=[newest[k].body for k in keys],
    )


async def save_consents(tx: Transaction, consents: Sequence[ConsentRow]) -> None:
    """Keep the newest of each channel and purpose; of two at one instant the one that withdraws (SEC-005)."""
    newest: dict[tuple[str, ...], ConsentRow] = {}
    for row in consents:
        kept = newest.get(row[:4])
        if kept is None or (row.at, not row.granted) > (kept.at, not kept.granted):
            newest[row[:4]] = row
    if not newest:
        return
    rows = [newest[key] for key in sorted(newest)]
    await tx.execute(
        """
        insert into consents (shop, customer, channel, purpose, granted, at, source)
        select * from unnest(cast(:shop as text[]), cast(:customer as text[]), cast(:channel as text[]),
                             cast(:purpose as text[]), cast(:granted as boolean[]), cast(:at as timestamptz[]),
                             cast(:source as text[]))
        on conflict (shop, customer, channel, purpose) do update set
            granted = excluded.granted, at = excluded.at, source = excluded.source
        where (excluded.at, not excluded.granted) > (consents.at, not consents.granted)
        """,
        **{name: [row[i] for row in rows] for i, name in enumerate(ConsentRow._fields)},
    )


async def list_consents(tx: Transaction, shop: str, customer: str) -> Sequence[Any]:
    # What was told here, newest of each channel and purpose.
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
    """Each customer's newest consents told here, by (channel, purpose); the caller holds the customers' locks."""
    wanted = sorted(set(customers))
    rows = await tx.fetch(
        """
        select c.shop, c.customer, c.channel, c.purpose, c.granted, c.at, c.source
        from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
        join consents c on c.shop = w.shop and c.customer = w.customer
        """,
        shops=[w[0] for w in wanted],
        customers=[w[1] for w in wanted],
    )
    found: dict[CustomerKey, dict[tuple[str, str], ConsentRow]] = {}
    for row in rows:
        found.setdefault((row.shop, row.customer), {})[row.channel, row.purpose] = ConsentRow(*tuple(row))
    return found

"""Which customers have one address, what was said about it, whether it bounced. Addresses are keyed hashes here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.events import CustomerKey
from common.events.messages import ContactAddressSuppressed
from common.storage.database import Transaction
from messaging.consent.state import Said, Statement
from messaging.contacts.hashing import CHANNEL

Address = tuple[str, bytes]
"""(shop, hash)."""


@dataclass(frozen=True, slots=True)
class Had:
    """An address that a customer had from a revision of the profile on; `sealed` while the key has not come."""

    key: CustomerKey
    revision: int
    at: datetime
    address: bytes | None
    sealed: str | None = None


def columns(keys: Sequence[CustomerKey]) -> dict[str, list[str]]:
    """Keys as the two arrays that the statements take."""
    return {"shops": [k[0] for k in keys], "customers": [k[1] for k in keys]}


async def save_addresses(tx: Transaction, had: Sequence[Had]) -> None:
    """Add addresses, or the hashes of those that were sealed. Idempotent; the customers are locked."""
    if not had:
        return
    # Every revision's, also an older one's that comes late: a statement is about the address of its time.
    await tx.execute(
        """
        insert into contact_addresses (shop, customer, revision, at, address, sealed)
        select * from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:revisions as bigint[]),
            cast(:ats as timestamptz[]), cast(:addresses as bytea[]), cast(:sealed as text[]))
        on conflict (shop, customer, revision, at) do update set address = excluded.address, sealed = excluded.sealed
        where contact_addresses.sealed is not null
        """,
        **columns([h.key for h in had]),
        revisions=[h.revision for h in had],
        ats=[h.at for h in had],
        addresses=[h.address for h in had],
        sealed=[h.sealed for h in had],
    )


async def get_sealed(tx: Transaction, keys: Sequence[CustomerKey]) -> list[Had]:
    """The customers' addresses that could not be hashed for want of a key."""
    # By primary key.
    rows = await tx.fetch(
        """
        select a.shop, a.customer, a.revision, a.at, a.sealed
        from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
        join contact_addresses a on a.shop = w.shop and a.customer = w.customer
        where a.sealed is not null
        """,
        **columns(keys),
    )
    return [Had((r.shop, r.customer), r.revision, r.at, None, r.sealed) for r in rows]


async def relate_statements(tx: Transaction, keys: Iterable[CustomerKey]) -> None:
    """Say of each statement of these customers which address it is about, by all addresses known. They are locked."""
    # The address of its time, else the first one: the same whatever came first, the profile or the statement.
    await tx.execute(
        """
        update permissions p set address = f.address, address_known_at = clock_timestamp()
        from (
            select p.shop, p.customer, p.purpose, p.at, p.source, p.id, coalesce(
                (select a.address from contact_addresses a
                 where a.shop = p.shop and a.customer = p.customer and a.address is not null and a.at <= p.at
                 order by a.at desc, a.revision desc limit 1),
                (select a.address from contact_addresses a
                 where a.shop = p.shop and a.customer = p.customer and a.address is not null
                 order by a.at, a.revision limit 1)) as address
            from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
            join permissions p on p.shop = w.shop and p.customer = w.customer
            where p.channel = :channel and p.rank <> :left_behind
        ) f
        where p.shop = f.shop and p.customer = f.customer and p.channel = :channel and p.purpose = f.purpose
            and p.at = f.at and p.source = f.source and p.id = f.id
            and f.address is not null and p.address is distinct from f.address
        """,
        **columns(sorted(set(keys))),
        channel=CHANNEL,
        left_behind=ContactAddressSuppressed.RANK,
    )


async def hold_addresses(tx: Transaction, keys: Sequence[CustomerKey]) -> list[CustomerKey]:
    """Lock the addresses of these locked customers until the commit; returns the customers whose address is ours.

    Never waits: who shares an address with a customer that another process decides about has to come again.
    """
    if not keys:
        return []
    # An advisory lock, so that no row of an address needs to be there; 64 bits of a keyed hash do not meet others.
    rows = await tx.fetch(
        """
        with current as materialized (
            select w.shop, w.customer, a.address
            from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
            left join contacts c on c.shop = w.shop and c.customer = w.customer
            left join contact_addresses a
                on a.shop = c.shop and a.customer = c.customer and a.revision = c.revision and a.at = c.at
        ), held as materialized (
            select d.address, pg_try_advisory_xact_lock(
                cast(cast('x' || encode(substring(d.address for 8), 'hex') as bit(64)) as bigint)) as ours
            from (select distinct address from current where address is not null) d
        )
        select c.shop, c.customer from current c left join held h on h.address = c.address
        where h.ours is not false
        """,
        **columns(keys),
    )
    return sorted((r.shop, r.customer) for r in rows)


async def lock_address(tx: Transaction, address: bytes) -> None:
    """Wait until nobody decides about this address, and let nobody begin before the commit. Customers are locked
    before, so that nobody who holds an address waits for a customer."""
    # The counterpart of hold_addresses.
    await tx.fetch(
        "select pg_advisory_xact_lock(cast(cast('x' || encode(substring(cast(:address as bytea) for 8), 'hex')"
        " as bit(64)) as bigint))",
        address=address,
    )


async def get_address(tx: Transaction, key: CustomerKey) -> bytes | None:
    """The address that the customer has now."""
    # By primary keys.
    found: bytes | None = await tx.value(
        """
        select a.address from contacts c join contact_addresses a
            on a.shop = c.shop and a.customer = c.customer and a.revision = c.revision and a.at = c.at
        where c.shop = :shop and c.customer = :customer
        """,
        shop=key[0],
        customer=key[1],
    )
    return found


async def get_said_about(tx: Transaction, addresses: Iterable[Address], since: datetime | None) -> dict[Address, Said]:
    """What was said about each address, by all customers who had it: the newest up to `since`, and all after it.

    None: the newest alone, so that an address of very many customers costs no more than another.
    """
    wanted = sorted(set(addresses))
    found: dict[Address, list[Statement]] = {address: [] for address in wanted}
    # Of each purpose one probe of permissions_address; at one instant the refusal comes first.
    for r in await tx.fetch(
        """
        select w.shop as of_shop, s.channel, s.purpose, s.at, s.rank, s.source, s.id, s.standing, s.address, s.via
        from unnest(cast(:shops as text[]), cast(:addresses as bytea[])) as w(shop, address)
        cross join unnest(cast(array['marketing', 'survey'] as text[])) as u(purpose)
        cross join lateral (
            (select * from permissions p
             where p.shop = w.shop and p.address = w.address and p.purpose = u.purpose
                 and p.at <= coalesce(cast(:since as timestamptz), 'infinity')
             order by p.at desc, (p.standing <> 'granted') desc limit 1)
            union all
            select * from permissions p
            where p.shop = w.shop and p.address = w.address and p.purpose = u.purpose
                and p.at > coalesce(cast(:since as timestamptz), 'infinity')
        ) s
        """,
        shops=[shop for shop, _ in wanted],
        addresses=[address for _, address in wanted],
        since=since,
    ):
        found[(r.of_shop, r.address)].append(statement(r))
    return {address: Said(said) for address, said in found.items()}


def statement(r: object) -> Statement:
    """A row of `permissions`."""
    row: Any = r
    return Statement(row.channel, row.purpose, row.at, row.rank, row.source, row.id, row.standing, row.address, row.via)


async def mark_bounced(tx: Transaction, bounced: Sequence[tuple[Address, datetime]]) -> None:
    """Remember addresses that bounced for good: (address, when)."""
    newest: dict[Address, datetime] = {}
    for address, at in bounced:
        newest[address] = max(at, newest.get(address, at))
    if not newest:
        return
    # In one order, so that no two that meet the same addresses wait for each other in a circle.
    await tx.execute(
        """
        insert into bounces (shop, address, at)
        select * from unnest(cast(:shops as text[]), cast(:addresses as bytea[]), cast(:ats as timestamptz[]))
        on conflict (shop, address) do update set at = greatest(bounces.at, excluded.at)
        """,
        shops=[shop for shop, _ in sorted(newest)],
        addresses=[address for _, address in sorted(newest)],
        ats=[newest[address] for address in sorted(newest)],
    )


async def lift_bounces(tx: Transaction, lifted: Sequence[tuple[CustomerKey, datetime]]) -> list[CustomerKey]:
    """Write to these customers' addresses again, whoever has them: (customer, when that was said); a later bounce
    stands. Returns whose was lifted."""
    if not lifted:
        return []
    # By the address that the customer has now; locked in one order first, as mark_bounced takes them.
    rows = await tx.fetch(
        """
        with meant as (
            select b.shop, b.address, l.customer
            from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:ats as timestamptz[]))
                as l(shop, customer, at)
            join contacts c on c.shop = l.shop and c.customer = l.customer
            join contact_addresses a
                on a.shop = c.shop and a.customer = c.customer and a.revision = c.revision and a.at = c.at
            join bounces b on b.shop = a.shop and b.address = a.address and b.at <= l.at
            order by b.shop, b.address for update of b
        ), gone as (
            delete from bounces b using meant m where b.shop = m.shop and b.address = m.address
        )
        select shop, customer from meant
        """,
        **columns([k for k, _ in lifted]),
        ats=[at for _, at in lifted],
    )
    return [(r.shop, r.customer) for r in rows]


async def refusals_of(tx: Transaction, keys: Sequence[CustomerKey]) -> list[tuple[CustomerKey, Statement]]:
    """By address and purpose the customer's newest statement about it, where that is a refusal."""
    # But for what such a refusal has left behind already.
    rows = await tx.fetch(
        """
        select * from (
            select distinct on (p.shop, p.customer, p.address, p.channel, p.purpose) p.*
            from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
            join permissions p on p.shop = w.shop and p.customer = w.customer
            where p.address is not null and p.rank <> :left_behind
            order by p.shop, p.customer, p.address, p.channel, p.purpose, p.at desc, (p.standing <> 'granted') desc,
                p.rank desc, p.source collate "C" desc, p.id collate "C" desc
        ) newest where standing <> 'granted'
        """,
        **columns(keys),
        left_behind=ContactAddressSuppressed.RANK,
    )
    return [((r.shop, r.customer), statement(r)) for r in rows]


async def forget_addresses(tx: Transaction, keys: Sequence[CustomerKey]) -> None:
    """Remove every trace of which addresses these customers had, but for the refusals that they left behind."""
    gone = columns(keys)
    of_them = "(select * from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)) w"
    of_row = "t.shop = w.shop and t.customer = w.customer"
    await tx.execute(f"delete from contact_addresses t using {of_them} where {of_row}", **gone)
    # What they were sent counts no more for others who have the address.
    await tx.execute(
        f"update messages t set address = null from {of_them} where {of_row} and t.address is not null", **gone
    )
    await tx.execute(
        f"update permissions t set address = null from {of_them}"
        f" where {of_row} and t.address is not null and t.rank <> :left_behind",
        **gone,
        left_behind=ContactAddressSuppressed.RANK,
    )
    # Real time, as inputs and decisions are recorded.
    await tx.execute(
        """
        insert into addresses_forgotten (shop, at)
        select shop, clock_timestamp() from (select distinct unnest(cast(:shops as text[])) as shop) s order by shop
        on conflict (shop) do update set at = excluded.at
        """,
        shops=gone["shops"],
    )

"""The register of consent: every statement, and the address that it is about. Addresses are keyed hashes here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.events.messages import ContactAddressSuppressed
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.consent.state import Statement

_CUSTOMERS = Columns("w", shop="text", customer="text")
_ADDRESSES = Columns("w", shop="text", address="bytea")
_STATEMENTS = Columns(
    "n",
    shop="text",
    customer="text",
    channel="text",
    purpose="text",
    at="timestamptz",
    rank="integer",
    source="text",
    id="text",
    state="text",
    via="text",
    address="bytea",
    undated="boolean",
)


async def save_statements(tx: Transaction, said: Sequence[tuple[CustomerKey, Statement]]) -> None:
    """Add to the register: (customer, statement). Idempotent."""
    if not said:
        return
    # A statement that is read again, or read back from our own topic, is there already.
    await tx.execute(
        f"""
        insert into permissions (shop, customer, channel, purpose, at, rank, source, id, state, via, address,
            undated)
        select * from {_STATEMENTS} on conflict do nothing
        """,
        **_STATEMENTS.of(
            (*key, s.channel, s.purpose, s.at, s.rank, s.source, s.id, s.state, s.via, s.address, s.undated)
            for key, s in said
        ),
    )


async def relate_statements(tx: Transaction, keys: Iterable[CustomerKey]) -> None:
    """Record which address each statement of these locked customers is about, by all addresses known."""
    # The address of its time, else the first one: the same whatever came first, the profile or the statement.
    await tx.execute(
        f"""
        update permissions p set address = f.address, address_known_at = clock_timestamp()
        from (
            select p.shop, p.customer, p.channel, p.purpose, p.at, p.source, p.id, coalesce(
                (select a.address from contact_addresses a
                 where a.shop = p.shop and a.customer = p.customer and a.channel = p.channel
                     and a.address is not null and a.at <= p.at
                 order by a.at desc, a.revision desc limit 1),
                (select a.address from contact_addresses a
                 where a.shop = p.shop and a.customer = p.customer and a.channel = p.channel and a.address is not null
                 order by a.at, a.revision limit 1)) as address
            from {_CUSTOMERS} join permissions p using (shop, customer)
            where p.rank <> :left_behind
        ) f
        where p.shop = f.shop and p.customer = f.customer and p.channel = f.channel and p.purpose = f.purpose
            and p.at = f.at and p.source = f.source and p.id = f.id
            and f.address is not null and p.address is distinct from f.address
        """,
        **_CUSTOMERS.of(sorted(set(keys))),
        left_behind=ContactAddressSuppressed.RANK,
    )


async def get_statements(tx: Transaction, keys: Sequence[CustomerKey]) -> dict[CustomerKey, list[Statement]]:
    """All that these customers ever said about consent; every key has an entry."""
    found: dict[CustomerKey, list[Statement]] = {key: [] for key in keys}
    # By primary key; in a replay a decision looks at what held then, so all of it is read.
    for r in await tx.fetch(
        f"select p.* from {_CUSTOMERS} join permissions p using (shop, customer)", **_CUSTOMERS.of(keys)
    ):
        found[(r.shop, r.customer)].append(_statement(r))
    return found


async def get_said_about(
    tx: Transaction, addresses: Iterable[tuple[str, bytes]], since: datetime | None
) -> dict[tuple[str, bytes], list[Statement]]:
    """What was said about each address, (shop, hash), by all customers who had it: the newest up to `since`, and all
    after it; every address has an entry.

    None: the newest alone, so that an address of very many customers costs no more than another.
    """
    wanted = sorted(set(addresses))
    found: dict[tuple[str, bytes], list[Statement]] = {address: [] for address in wanted}
    # Of each purpose one probe of permissions_address; at one instant the refusal comes first.
    for r in await tx.fetch(
        f"""
        select w.shop as of_shop, s.channel, s.purpose, s.at, s.rank, s.source, s.id, s.state, s.address, s.via,
            s.undated
        from {_ADDRESSES}
        cross join unnest(cast(array['marketing', 'survey'] as text[])) as u(purpose)
        cross join lateral (
            (select * from permissions p
             where p.shop = w.shop and p.address = w.address and p.purpose = u.purpose
                 and p.at <= coalesce(cast(:since as timestamptz), 'infinity')
                 and not (p.undated and p.state = 'granted')
             order by p.at desc, (p.state <> 'granted') desc limit 1)
            union all
            select * from permissions p
            where p.shop = w.shop and p.address = w.address and p.purpose = u.purpose
                and p.at > coalesce(cast(:since as timestamptz), 'infinity')
        ) s
        """,
        **_ADDRESSES.of(wanted),
        since=since,
    ):
        found[(r.of_shop, r.address)].append(_statement(r))
    return found


async def refusals_of(tx: Transaction, keys: Sequence[CustomerKey]) -> list[tuple[CustomerKey, Statement]]:
    """By address and purpose the customer's newest statement about it, where that is a refusal."""
    # But for what such a refusal has left behind already.
    rows = await tx.fetch(
        f"""
        select * from (
            select distinct on (p.shop, p.customer, p.address, p.channel, p.purpose) p.*
            from {_CUSTOMERS} join permissions p using (shop, customer)
            where p.address is not null and p.rank <> :left_behind
            order by p.shop, p.customer, p.address, p.channel, p.purpose, p.at desc, (p.state <> 'granted') desc,
                p.rank desc, p.source collate "C" desc, p.id collate "C" desc
        ) newest where state <> 'granted'
        """,
        **_CUSTOMERS.of(keys),
        left_behind=ContactAddressSuppressed.RANK,
    )
    return [((r.shop, r.customer), _statement(r)) for r in rows]


async def forget_addresses(tx: Transaction, keys: Sequence[CustomerKey]) -> None:
    """Forget which addresses these erased customers' statements were about, but for the refusals they left behind."""
    # By primary key.
    await tx.execute(
        f"""
        update permissions p set address = null from {_CUSTOMERS}
        where p.shop = w.shop and p.customer = w.customer and p.address is not null and p.rank <> :left_behind
        """,
        **_CUSTOMERS.of(keys),
        left_behind=ContactAddressSuppressed.RANK,
    )


def _statement(r: Row[Any]) -> Statement:
    return Statement(r.channel, r.purpose, r.at, r.rank, r.source, r.id, r.state, r.address, r.via, r.undated)

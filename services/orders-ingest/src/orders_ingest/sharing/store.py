"""SQL of sharing: agreements, what was shared under them, and what customers say of it (SEC-007)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from orders_ingest.sharing.state import EVERYBODY, Counted, Partner, Share, Statement

_PARTNER = (
    "shop, partner, name, purpose, basis, customer_fields, order_fields, reference, agreed_by, agreed_at, key,"
    " key_number, key_since, key_by, described, widest, revoked_by, revoked_at, version"
)
_CUSTOMERS = Columns("w", shop="text", customer="text")
_SHARE = "shop, partner, share_id, what, fields, since, until, purpose, basis, asked_by, asked_at"


async def get_partner(tx: Transaction, shop: str, partner: str, *, lock: bool = False) -> Partner | None:
    """The agreement, also one that was revoked. By primary key."""
    row = await tx.fetch_one(
        f"select {_PARTNER} from sharing_partners where shop = :shop and partner = :partner"
        + (" for update" if lock else ""),
        shop=shop,
        partner=partner,
    )
    return None if row is None else Partner(**row._mapping)


async def list_partners(tx: Transaction, shop: str, after: str, limit: int) -> list[Partner]:
    """The shop's agreements, by partner. By primary key."""
    rows = await tx.fetch(
        f"select {_PARTNER} from sharing_partners where shop = :shop and partner > :after"
        " order by partner limit :limit",
        shop=shop,
        after=after,
        limit=limit,
    )
    return [Partner(**row._mapping) for row in rows]


async def save_partner(tx: Transaction, partner: Partner) -> None:
    """Make or replace an agreement; of one that stands the caller holds the lock."""
    # The primary key closes the race of two agreements under one name.
    await tx.execute(
        f"""
        insert into sharing_partners ({_PARTNER}) values (
            :shop, :partner, :name, :purpose, :basis, cast(:customer_fields as text[]), cast(:order_fields as text[]),
            :reference, :agreed_by, :agreed_at, :key, :key_number, :key_since, :key_by, cast(:described as text[]),
            :widest, :revoked_by, :revoked_at, :version)
        on conflict (shop, partner) do update set
            name = excluded.name, purpose = excluded.purpose, basis = excluded.basis,
            customer_fields = excluded.customer_fields, order_fields = excluded.order_fields,
            reference = excluded.reference, agreed_by = excluded.agreed_by, agreed_at = excluded.agreed_at,
            key = excluded.key, key_number = excluded.key_number, key_since = excluded.key_since,
            key_by = excluded.key_by, described = excluded.described, widest = excluded.widest,
            revoked_by = excluded.revoked_by, revoked_at = excluded.revoked_at,
            version = excluded.version
        """,
        **partner._asdict(),
    )


async def insert_share(tx: Transaction, share: Share) -> bool:
    """Register what is to be shared; False where its name is taken."""
    # The primary key closes the race of two shares of one name.
    number = await tx.value(
        f"""
        insert into shares ({_SHARE}) values (
            :shop, :partner, :share_id, :what, cast(:fields as text[]), :since, :until, :purpose, :basis, :asked_by,
            :asked_at)
        on conflict do nothing returning 1
        """,
        **share._asdict(),
    )
    return number is not None


async def get_share(tx: Transaction, shop: str, partner: str, share_id: str) -> Share | None:
    """By primary key."""
    row = await tx.fetch_one(
        f"select {_SHARE} from shares where shop = :shop and partner = :partner and share_id = :share_id",
        shop=shop,
        partner=partner,
        share_id=share_id,
    )
    return None if row is None else Share(**row._mapping)


async def list_shares(tx: Transaction, shop: str, partner: str, after: str, limit: int) -> Sequence[Any]:
    """What was shared with a partner, by name, with the files that were written of each, oldest first."""
    # By primary keys; a share has few files.
    return await tx.fetch(
        f"""
        select {", ".join(f"s.{name}" for name in _SHARE.split(", "))}, coalesce(f.files, '[]') as files
        from shares s left join lateral (
            select jsonb_agg(jsonb_build_object(
                'key_number', f.key_number, 'purpose', f.purpose, 'basis', f.basis, 'begun_at', f.begun_at,
                'ended_at', f.ended_at, 'customers', f.customers, 'rows', f.rows, 'withheld', f.withheld)
                order by f.number) as files
            from share_files f where f.shop = s.shop and f.partner = s.partner and f.share_id = s.share_id
        ) f on true
        where s.shop = :shop and s.partner = :partner and s.share_id > :after
        order by s.share_id limit :limit
        """,
        shop=shop,
        partner=partner,
        after=after,
        limit=limit,
    )


async def begin_file(tx: Transaction, share: Share, standing: Partner) -> int:
    """Record, before its first line goes out, that a file is written, and under which terms; its number."""
    return int(
        await tx.value(
            """
            insert into share_files (shop, partner, share_id, key_number, purpose, basis, begun_at)
            values (:shop, :partner, :share_id, :key_number, :purpose, :basis, :now) returning number
            """,
            shop=share.shop,
            partner=share.partner,
            share_id=share.share_id,
            key_number=standing.key_number,
            purpose=standing.purpose,
            basis=standing.basis,
            now=tx.clock.now(),
        )
    )


async def end_file(tx: Transaction, number: int, counted: Counted) -> None:
    """It was written to its end. By primary key."""
    await tx.execute(
        "update share_files set ended_at = :now, customers = :customers, rows = :rows, withheld = :withheld"
        " where number = :number",
        number=number,
        now=tx.clock.now(),
        **counted._asdict(),
    )


async def save_statement(tx: Transaction, shop: str, said: Statement) -> None:
    """The newest counts; of two at one instant the one that says no. The customer's lock is not needed."""
    # The primary key closes the race of two statements.
    await tx.execute(
        """
        insert into sharing_consents (shop, customer, partner, granted, source, at)
        values (:shop, :customer, :partner, :granted, :source, :at)
        on conflict (shop, customer, partner) do update set
            granted = excluded.granted, source = excluded.source, at = excluded.at
        where (excluded.at, not excluded.granted) > (sharing_consents.at, not sharing_consents.granted)
        """,
        shop=shop,
        **said._asdict(),
    )


async def blank_statements(tx: Transaction, customers: Collection[CustomerKey]) -> None:
    """Where these customers said what they say of partners is not told any more; a no stays, for partners to hear."""
    # By primary key.
    await tx.execute(
        f"update sharing_consents c set source = null from {_CUSTOMERS}"
        " where c.shop = w.shop and c.customer = w.customer",
        **_CUSTOMERS.of(sorted(customers)),
    )


async def list_statements(
    tx: Transaction, shop: str, customers: Collection[str], partner: str | None = None
) -> list[Statement]:
    """What these identifiers say of all partners, and of this one; None: of every one. By primary key."""
    rows = await tx.fetch(
        """
        select customer, partner, granted, source, at from sharing_consents
        where shop = :shop and customer = any(cast(:customers as text[]))
          and (cast(:partner as text) is null or partner in (:everybody, :partner))
        order by customer, partner
        """,
        shop=shop,
        customers=sorted(customers),
        partner=partner,
        everybody=EVERYBODY,
    )
    return [Statement(**row._mapping) for row in rows]


async def list_gone(
    tx: Transaction, shop: str, partner: str, since: datetime, after: str, limit: int
) -> list[tuple[str, bool]]:
    """Identifiers behind this one that were erased since then, True, or said no to the partner or to all."""
    # By primary keys, in their order: those erased and those who said something are few of all customers.
    rows = await tx.fetch(
        """
        select customer, bool_or(erased) as erased from (
            select customer, true as erased from erasures
            where shop = :shop and customer > :after and asked_at >= :since
            union all
            select customer, false from sharing_consents
            where shop = :shop and customer > :after and not granted and partner in (:everybody, :partner)
        ) gone group by customer order by customer limit :limit
        """,
        shop=shop,
        partner=partner,
        since=since,
        after=after,
        limit=limit,
        everybody=EVERYBODY,
    )
    return [(row.customer, row.erased) for row in rows]

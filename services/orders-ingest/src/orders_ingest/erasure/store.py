"""SQL of erasures: requests, confirmations, and the rows in which texts of erased customers may stand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from orders_ingest.erasure.state import Because, Confirmation, Report

_CUSTOMERS = Columns("w", shop="text", customer="text")


async def insert_erasures(
    tx: Transaction, people: Sequence[CustomerKey], person: str, at: datetime, texts: bytes, because: Because
) -> None:
    """These identifiers are to be erased, for one person; `texts` are sealed. Who was asked for before stays so."""
    # The primary key closes the race of two requests.
    await tx.execute(
        f"""
        insert into erasures (shop, customer, person, asked_at, looked_for, because)
        select shop, customer, :person, :at, cast(:texts as bytea), :because from {_CUSTOMERS} on conflict do nothing
        """,
        person=person,
        at=at,
        texts=texts,
        because=because,
        **_CUSTOMERS.of(people),
    )


async def save_confirmation(
    tx: Transaction, customer: CustomerKey, service: str, at: datetime, kept: Mapping[str, int]
) -> None:
    """A service has nothing personal of this customer any more. Idempotent."""
    # By primary key.
    await tx.execute(
        """
        insert into erasure_confirmations (shop, customer, service, at, kept)
        values (:shop, :customer, :service, :at, cast(:kept as jsonb)) on conflict do nothing
        """,
        shop=customer[0],
        customer=customer[1],
        service=service,
        at=at,
        kept=orjson.dumps(dict(kept)).decode(),
    )


async def get_report(tx: Transaction, shop: str, customer: str) -> Report | None:
    """How far the erasure of this person is; None where nobody asked for it."""
    # By primary key, then the few identifiers of the person.
    rows = await tx.fetch(
        """
        select e.customer, e.person, e.asked_at, e.because, cast(e.removed as text) as removed from erasures e
        where e.shop = :shop and e.person = (
            select f.person from erasures f where f.shop = :shop and f.customer = :customer
        ) order by e.customer
        """,
        shop=shop,
        customer=customer,
    )
    if not rows:
        return None
    people = [row.customer for row in rows]
    # By primary key; a service counts when it has confirmed for every identifier.
    confirmed = await tx.fetch(
        """
        select service, max(at) as at, jsonb_agg(kept) as kept from erasure_confirmations
        where shop = :shop and customer = any(:people) group by service having count(*) = :number order by service
        """,
        shop=shop,
        people=people,
        number=len(people),
    )
    return Report(
        rows[0].person,
        people,
        min(row.asked_at for row in rows),
        rows[0].because,
        _sum(orjson.loads(row.removed) for row in rows),
        [Confirmation(row.service, row.at, _sum(row.kept)) for row in confirmed],
    )


async def get_open(tx: Transaction, services: int) -> tuple[int, datetime | None]:
    """How many identifiers are being erased and not confirmed by so many services; since when the first is."""
    # Each erasure that was ever asked for, by primary key: few of all customers, once a minute.
    row = await tx.fetch_one(
        """
        select count(*) as number, min(asked_at) as since from erasures e
        where (
            select count(*) from erasure_confirmations c where c.shop = e.shop and c.customer = e.customer
        ) < :services
        """,
        services=services,
    )
    return (row.number, row.since) if row is not None else (0, None)


def _sum(counts: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in counts:
        for name, number in each.items():
            found[name] = found.get(name, 0) + number
    return dict(sorted(found.items()))


async def lock_open(tx: Transaction, without: Collection[str] = ()) -> Any | None:
    """The erasure that waits longest for rows to be looked through, of none of these shops, locked.

    None: none waits, or others are at it.
    """
    # By the index of open ones.
    return await tx.fetch_one(
        """
        select shop, customer, person, looked_for, rows_after from erasures 
        where looked_for is not null and not shop = any(:without)
        order by asked_at, shop, customer limit 1 for update skip locked
        """,
        without=sorted(without),
    )


async def list_refused_lines(tx: Transaction, shop: str, after: int, limit: int) -> Sequence[Any]:
    """The shop's refused lines behind a number, with the heading of their file, and which column the shop has said to
    be the customer's."""
    # By the index of numbers; the jobs by primary key.
    return await tx.fetch(
        """
        select r.number, r.shop, r.job_id, r.line, r.text, coalesce(j.asked ->> 'heading', '') as heading,
               coalesce(j.asked -> 'columns' ->> 'customer', '') as customers
        from import_refusals r left join import_jobs j on j.shop = r.shop and j.job_id = r.job_id
        where r.shop = :shop and r.number > :after order by r.number limit :limit
        """,
        shop=shop,
        after=after,
        limit=limit,
    )


async def blank_refused_lines(tx: Transaction, lines: Sequence[tuple[int, bytes]]) -> None:
    """Put these texts, sealed, in place of the lines."""
    for number, text in lines:
        # Few lines are of one person.
        await tx.execute(
            "update import_refusals set text = :text, detail = 'the customer was erased' where number = :number",
            number=number,
            text=text,
        )


async def list_staged_rows(tx: Transaction, shop: str) -> Sequence[Any]:
    """Where the shop's staged rows are, by job: a file that is still being taken."""
    # Few jobs are open at any time.
    return await tx.fetch("select distinct job_id from import_rows where shop = :shop order by job_id", shop=shop)


async def list_dead_bodies(tx: Transaction, shop: str) -> Sequence[Any]:
    """Dead events of the shop whose customer nobody knows. One of no known shop may be any other's: it stays."""
    # Few are dead at any time.
    return await tx.fetch(
        """
        select dead_id, body from dead_events where shop = :shop and customer is null and body is not null
        order by dead_id
        """,
        shop=shop,
    )


async def blank_dead(tx: Transaction, dead_ids: Sequence[int]) -> None:
    """Remove what these dead events say."""
    # By primary key.
    await tx.execute(
        "update dead_events set body = null, detail = 'the customer was erased' where dead_id = any(:ids)",
        ids=list(dead_ids),
    )


async def list_waiting_refunds(tx: Transaction, customer: CustomerKey) -> Sequence[Any]:
    """Refunds that wait for their order or were set aside, and name this customer."""
    # By the index of waiting ones.
    return await tx.fetch(
        """
        select shop, refund_id, body from refunds
        where shop = :shop and state <> 'counted' and customer = :customer and body is not null
        """,
        shop=customer[0],
        customer=customer[1],
    )


async def save_waiting_refund(tx: Transaction, shop: str, refund_id: str, body: bytes) -> None:
    # By primary key.
    await tx.execute(
        "update refunds set body = :body where shop = :shop and refund_id = :id", shop=shop, id=refund_id, body=body
    )


async def save_progress(
    tx: Transaction, customer: CustomerKey, rows_after: int, removed: Mapping[str, int], *, done: bool
) -> None:
    """How far rows were looked through, and what more was removed; `done`: nothing is looked for any more."""
    # By primary key; the row is locked.
    await tx.execute(
        """
        update erasures set rows_after = :after,
            removed = removed || (
                select coalesce(jsonb_object_agg(key, coalesce((removed ->> key)::bigint, 0) + value::bigint), '{}')
                from jsonb_each_text(cast(:removed as jsonb))),
            looked_for = case when :done then null else looked_for end
        where shop = :shop and customer = :customer
        """,
        shop=customer[0],
        customer=customer[1],
        after=rows_after,
        removed=orjson.dumps(dict(removed)).decode(),
        done=done,
    )

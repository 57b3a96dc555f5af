"""Customers who are to be folded anew in turns, since their histories are long."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from common.bus.inbox import key_of
from common.events import CustomerKey, Event
from common.storage.columns import Columns
from common.storage.database import Transaction

_POSTPONED = Columns("w", key="uuid", correlation="text")
_KEYS = Columns("w", key="uuid")


async def postpone(tx: Transaction, key: CustomerKey, events: Sequence[Event[Any]]) -> None:
    """Put inputs off, which this transaction has claimed, until their customer, who is locked, is folded anew."""
    # By primary key.
    await tx.execute(
        f"update history h set postponed = true, correlation = w.correlation from {_POSTPONED} where h.key = w.key",
        **_POSTPONED.of((key_of((e.shop, e.source, e.id)), e.correlationid or e.id) for e in events),
    )
    await want_fold(tx, key)


async def want_fold(tx: Transaction, key: CustomerKey, cause: str | None = None, at: datetime | None = None) -> None:
    """The customer, who is locked, is to be folded anew in turns; `cause` and `at` as of a refold."""
    # By primary key. Looked for first: an insert that meets a worker's lease would wait for it, with the customer.
    await tx.execute(
        """
        insert into long_histories (shop, customer) select :shop, :customer
        where not exists (select from long_histories where shop = :shop and customer = :customer)
        """,
        shop=key[0],
        customer=key[1],
    )
    if cause is not None:
        await tx.execute(
            "update long_histories set cause = :cause, at = :at where shop = :shop and customer = :customer",
            shop=key[0],
            customer=key[1],
            cause=cause,
            at=at,
        )


async def lease_long_history(tx: Transaction, job: str) -> CustomerKey | None:
    """The customer whom this process is at, else the one who waits longest and whom no other is at; None: nobody waits.

    Left out is who is set aside of the job. The lease ends with the last session of its process (`session_name`), so
    that another goes on within a sweep where it was killed; and, where it is frozen, minutes after its last turn by the
    database's clock.
    """
    # Few rows at any time; the sessions are looked at only where another process is at a customer.
    row = await tx.fetch_one(
        """
        update long_histories l set worker = me, leased_until = now() + interval '5 minutes'
        from (
            select c.shop, c.customer, me
            from long_histories c, cast(md5(current_setting('application_name')) as uuid) as me
            where (
                worker = me or coalesce(leased_until < now(), true) or not exists (
                    select from pg_stat_activity a
                    where a.datname = current_database() and cast(md5(a.application_name) as uuid) = c.worker
                )
            ) and not exists (
                select from set_aside s where s.job = :job and s.shop = c.shop and s.customer = c.customer
            )
            order by coalesce(worker <> me, true), since limit 1 for update of c skip locked
        ) as w
        where l.shop = w.shop and l.customer = w.customer returning l.shop, l.customer
        """,
        job=job,
    )
    return None if row is None else (row.shop, row.customer)


async def get_reason(tx: Transaction, key: CustomerKey) -> tuple[str, datetime] | None:
    """Cause and date of the change for which the customer is to be folded anew; None: late inputs alone, or nothing."""
    # By primary key.
    row = await tx.fetch_one(
        "select cause, at from long_histories where shop = :shop and customer = :customer and cause is not null",
        shop=key[0],
        customer=key[1],
    )
    return None if row is None else (row.cause, row.at)


async def end_postponing(tx: Transaction, key: CustomerKey, folded: Collection[UUID]) -> None:
    """These inputs of the customer, who is locked, are folded; the customer waits on only for those that came since."""
    # By primary key.
    await tx.execute(
        f"update history h set postponed = false, correlation = null from {_KEYS} where h.key = w.key",
        **_KEYS.of((one,) for one in folded),
    )
    await tx.execute(
        """
        with came as (
            select from history where shop = :shop and customer = :customer and postponed limit 1
        ), waits as (
            update long_histories set cause = null, at = null, since = now(), worker = null, leased_until = null
            where shop = :shop and customer = :customer and exists (select from came)
        )
        delete from long_histories where shop = :shop and customer = :customer and not exists (select from came)
        """,
        shop=key[0],
        customer=key[1],
    )


async def is_catching_up(tx: Transaction, key: CustomerKey) -> bool:
    """Whether late inputs of this customer, who has many, or a changed rule have yet to be worked in, in turns."""
    # By primary key.
    sql = "select exists (select from long_histories where shop = :shop and customer = :customer)"
    return bool(await tx.value(sql, shop=key[0], customer=key[1]))


async def count_long_histories(tx: Transaction) -> int:
    """Customers who wait to be folded anew in turns."""
    # Few rows at any time.
    return int(await tx.value("select count(*) from long_histories"))

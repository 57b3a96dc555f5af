"""Call tasks in rows: messages of the channel `phone` that were handed to people, and the attempts at them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.calls.rules import LATEST, Call
from messaging.flows.state import Candidate

_CUSTOMERS = Columns("w", shop="text", customer="text")
_NEW = Columns(
    "n", shop="text", customer="text", message_id="text", number="integer", at="timestamptz", outcome="text",
    by="text", note="text", again_at="timestamptz",
)  # fmt: skip
_LAST = """select l.number, l.outcome, l.again_at from calls l
    where l.shop = m.shop and l.customer = m.customer and l.message_id = m.message_id order by l.number desc limit 1"""


class Place(NamedTuple):
    """Where a page of tasks ended: when the task is to be done, and its message."""

    due_at: datetime
    message_id: str


async def save_calls(tx: Transaction, calls: Sequence[tuple[CustomerKey, str, Call]]) -> int:
    """Keep attempts, (customer, message id, attempt); returns how many are new. Idempotent; customers are locked."""
    # The number of an attempt is drawn under the customer's lock.
    return await tx.execute(
        f"""
        insert into calls (shop, customer, message_id, number, at, outcome, by, note, again_at)
        select * from {_NEW} on conflict do nothing
        """,
        **_NEW.of((*key, id_, c.number, c.at, c.outcome, c.by, c.note, c.again_at) for key, id_, c in calls),
    )


async def list_tasks(tx: Transaction, shop: str, now: datetime, after: Place | None, limit: int) -> Sequence[Row[Any]]:
    """Open tasks that are due, the longest due first; those of customers who were erased are left out."""
    # By the partial index on messages of this channel, no older than a task is worth doing.
    return await tx.fetch(
        f"""
        select * from (
            select m.message_id, m.customer, m.flow, m.sent_at as handed_at, c.template,
                coalesce(l.again_at, m.sent_at) as due_at, coalesce(l.number, 0) as attempts,
                t.taken_by, t.taken_until
            from messages m join candidates c using (shop, customer, message_id)
            left join customer_keys k using (shop, customer)
            left join call_claims t on t.shop = m.shop and t.customer = m.customer and t.message_id = m.message_id
                and t.taken_until > :now
            left join lateral ({_LAST}) l on true
            where m.shop = :shop and m.channel = 'phone' and m.state = 'sent' and m.sent_at > :since
                and k.erased_at is null and (l.number is null or l.again_at <= :now)
        ) tasks
        where cast(:at as timestamptz) is null or (due_at, message_id) > (cast(:at as timestamptz), :message_id)
        order by due_at, message_id limit :limit
        """,
        shop=shop,
        now=now,
        since=now - LATEST,
        at=after.due_at if after is not None else None,
        message_id=after.message_id if after is not None else "",
        limit=limit,
    )


async def get_task(tx: Transaction, shop: str, message_id: str) -> Row[Any] | None:
    """A task, open or done."""
    # By the index on messages' ids.
    return await tx.fetch_one(
        f"""
        select m.message_id, m.customer, m.flow, m.sent_at as handed_at, c.template, c.purpose,
            cast(c.details as text) as details, coalesce(l.number, 0) as attempts, l.again_at, l.outcome,
            t.taken_by, t.taken_until, t.address as shown, coalesce(m.sent_to, m.address) as handed_to
        from candidates c join messages m using (shop, customer, message_id)
        left join call_claims t on t.shop = m.shop and t.customer = m.customer and t.message_id = m.message_id
        left join lateral ({_LAST}) l on true
        where c.shop = :shop and c.message_id = :message_id and m.channel = 'phone' and m.state = 'sent'
        """,
        shop=shop,
        message_id=message_id,
    )


async def get_candidates(tx: Transaction, shop: str, customers: Sequence[str], ids: Sequence[str]) -> list[Candidate]:
    """What these tasks were decided to be."""
    # By primary key.
    rows = await tx.fetch(
        """
        select c.shop, c.customer, c.message_id, c.flow, c.purpose, c.rank, c.channel, c.cause, c.cause_at, c.due_at,
            c.release_at, cast(c.details as text) as details, c.condition_subject, c.condition_revision,
            c.condition_value, c.causation, c.correlation, c.template, cast(c.untrue as text) as untrue
        from candidates c where c.shop = :shop and c.customer = any(:customers) and c.message_id = any(:ids)
        """,
        shop=shop,
        customers=list(customers),
        ids=list(ids),
    )
    return [Candidate.stored(r) for r in rows]


async def list_calls(tx: Transaction, key: CustomerKey, message_id: str) -> list[Call]:
    """The attempts at a task, in order."""
    # By primary key.
    rows = await tx.fetch(
        """
        select number, at, outcome, by, note, again_at from calls
        where shop = :shop and customer = :customer and message_id = :message_id order by number
        """,
        shop=key[0],
        customer=key[1],
        message_id=message_id,
    )
    return [Call(r.number, r.at, r.outcome, r.by, r.note, r.again_at) for r in rows]


async def forget_numbers(tx: Transaction, keys: Sequence[CustomerKey]) -> None:
    """Forget which numbers of these erased customers were shown."""
    # By primary key.
    await tx.execute(
        f"""
        update call_claims t set address = null from {_CUSTOMERS}
        where t.shop = w.shop and t.customer = w.customer and t.address is not null
        """,
        **_CUSTOMERS.of(keys),
    )


async def claim(
    tx: Transaction,
    key: CustomerKey,
    message_id: str,
    by: str,
    until: datetime,
    address: bytes | None,
) -> None:
    """Give a task that nobody else has to one person, who is shown the number of this hash."""
    # The customer is locked.
    await tx.execute(
        """
        insert into call_claims (shop, customer, message_id, taken_by, taken_until, address)
        values (:shop, :customer, :message_id, :by, :until, :address)
        on conflict (shop, customer, message_id) do update set taken_by = excluded.taken_by,
            taken_until = excluded.taken_until, address = excluded.address
        """,
        shop=key[0],
        customer=key[1],
        message_id=message_id,
        by=by,
        until=until,
        address=address,
    )

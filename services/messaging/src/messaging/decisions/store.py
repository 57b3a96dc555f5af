"""Candidates that wait for a decision, and the decisions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.decisions.read_back import Announced
from messaging.decisions.state import Decided
from messaging.flows.state import Candidate

_CUSTOMERS = Columns("w", shop="text", customer="text")
_REACHED = Columns("w", shop="text", customer="text", at="timestamptz")
_DECIDED = Columns(
    "d",
    shop="text",
    customer="text",
    message_id="text",
    until="timestamptz",
    outcome="text",
    reason="text",
    at="timestamptz",
)
_ANNOUNCED = Columns(
    "n",
    shop="text",
    customer="text",
    message_id="text",
    at="timestamptz",
    outcome="text",
    reason="text",
    detail="text",
    until="timestamptz",
    policy_version="integer",
)
_NOTICES = "and c.purpose = 'transactional'"
"""Said in the text: a plan for either would not use the index of notices alone."""
LOOK_AT = 3
"""Candidates that are looked at for each that is taken: another process may hold the earliest."""
_DECISION = ("shop", "customer", "message_id", "at", "outcome", "reason", "detail", "until", "policy_version")


async def lock_due_customers(tx: Transaction, now: datetime, limit: int, *, notices: bool = False) -> list[CustomerKey]:
    """Customers with candidates to decide, locked; what another sweep holds is left to it.

    `notices`: only transactional candidates count.
    """
    # The earliest candidates name the customers: of so many that some are left beside what others hold. Notices have an
    # index of their own, so that no backlog of offers is read for them.
    rows = await tx.fetch(
        f"""
        select c.shop, c.customer
        from (select shop, customer, min(release_at) as first
              from (select shop, customer, release_at from candidates c
                    where release_at <= :now {_NOTICES if notices else ""} and not exists (
                        select from set_aside s where s.job = 'decide' and s.shop = c.shop and s.customer = c.customer
                    )
                    order by release_at limit :look_at) first
              group by 1, 2) d
        join customers c on c.shop = d.shop and c.customer = d.customer
        order by d.first limit :limit for update of c skip locked
        """,
        now=now,
        limit=limit,
        look_at=LOOK_AT * limit,
    )
    keys = sorted((r.shop, r.customer) for r in rows)
    await tx.lock_customers(keys)
    return keys


async def get_due(
    tx: Transaction, keys: Sequence[CustomerKey], now: datetime, *, notices: bool = False
) -> list[Candidate]:
    """The locked customers' candidates to be decided, read after the lock was taken."""
    # Only rows that are not decided have a release time.
    rows = await tx.fetch(
        f"""
        select c.shop, c.customer, c.message_id, c.flow, c.purpose, c.rank, c.channel, c.cause, c.cause_at, c.due_at,
            c.release_at, cast(c.details as text) as details, c.condition_subject, c.condition_revision,
            c.condition_value, c.causation, c.correlation, c.template,
            cast(c.untrue as text) as untrue, case when c.outcome = 'hold' then c.reason end as held
        from {_CUSTOMERS} join candidates c using (shop, customer)
        where c.release_at <= :now {_NOTICES if notices else ""}
        """,
        **_CUSTOMERS.of(keys),
        now=now,
    )
    return [Candidate.stored(r, r.held) for r in rows]


async def wake_held(tx: Transaction, reached: Sequence[tuple[CustomerKey, datetime]]) -> None:
    """Decide again what waits for a profile, an address or a key that these customers have now, from the time given on.

    What has not come yet is waited for as before.
    """
    if not reached:
        return
    # By the index of what waits; what is not due yet falls due as before.
    woken = await tx.execute(
        f"""
        update candidates c set release_at = greatest(c.due_at, w.at)
        from (select shop, customer, min(at) as at from {_REACHED} group by 1, 2) w
        where c.shop = w.shop and c.customer = w.customer and c.release_at is not null and c.outcome = 'hold'
            and case c.reason
            when 'contact_unknown' then
                exists (select from contacts n where n.shop = c.shop and n.customer = c.customer)
            when 'no_address' then exists (
                select from contacts n join contact_addresses a using (shop, customer, revision, at)
                where n.shop = c.shop and n.customer = c.customer and a.channel = c.channel
            )
            when 'key_missing' then
                exists (select from customer_keys k where k.shop = c.shop and k.customer = c.customer)
            else false end
        """,
        **_REACHED.of((*key, at) for key, at in reached),
    )
    if woken:
        await _wake_deciders(tx)


async def wake_people(tx: Transaction, keys: Sequence[CustomerKey], at: datetime) -> None:
    """Decide again what waits for a profile, an address or a key of customers who have joined others, or left them."""
    # By the index of what waits.
    woken = await tx.execute(
        f"""
        update candidates c set release_at = greatest(c.due_at, :at) from {_CUSTOMERS}
        where c.shop = w.shop and c.customer = w.customer and c.release_at is not null and c.outcome = 'hold'
            and c.reason in ('contact_unknown', 'no_address', 'key_missing')
        """,
        at=at,
        **_CUSTOMERS.of(keys),
    )
    if woken:
        await _wake_deciders(tx)


async def _wake_deciders(tx: Transaction) -> None:
    """Wakes at commit whoever decides notices, and the sweep, which decides all others."""
    await tx.execute("notify notices")
    await tx.execute("notify candidates")


async def save_decisions(tx: Transaction, decided: Sequence[Decided]) -> None:
    """Store the decisions, move the candidates on, queue what is to be sent. The customers are locked."""
    if not decided:
        return
    last = list({(*d.candidate.key, d.candidate.message_id): d for d in decided}.values())
    news = [d for d in decided if d.news]
    decided_at = {(*d.candidate.key, d.candidate.message_id): d.decision.at for d in news}
    # Each candidate as its last decision in this batch leaves it; one that goes on waiting was decided before.
    await tx.execute(
        f"""
        update candidates c set release_at = d.until, outcome = d.outcome, reason = d.reason,
            decided_at = coalesce(d.at, c.decided_at)
        from {_DECIDED} where c.shop = d.shop and c.customer = d.customer and c.message_id = d.message_id
        """,
        **_DECIDED.of(
            (
                *d.candidate.key,
                d.candidate.message_id,
                d.decision.until,
                d.decision.outcome,
                d.decision.reason,
                decided_at.get((*d.candidate.key, d.candidate.message_id)),
            )
            for d in last
        ),
    )
    await tx.copy(
        "decisions",
        _DECISION,
        [
            (
                *d.candidate.key,
                d.candidate.message_id,
                d.decision.at,
                d.decision.outcome,
                d.decision.reason,
                d.decision.detail,
                d.decision.until,
                d.policy_version,
            )
            for d in news
        ],
    )
    await _queue(tx, [d for d in last if d.decision.outcome == "send"])


async def save_announced(tx: Transaction, announced: Sequence[Announced]) -> None:
    """Add decisions that a rebuild has read from our own topic; idempotent. The customers are locked."""
    if not announced:
        return
    # What was known when they were taken is not known any more, so `verify` does not ask.
    await tx.execute(
        f"""
        insert into decisions
            (shop, customer, message_id, at, outcome, reason, detail, until, policy_version, recorded_at)
        select n.*, null from {_ANNOUNCED} on conflict do nothing
        """,
        **_ANNOUNCED.of(
            (*a.customer, a.message_id, a.at, a.outcome, a.reason, a.detail, a.until, a.policy_version)
            for a in announced
        ),
    )


async def _queue(tx: Transaction, decided: Sequence[Decided]) -> None:
    if not decided:
        return
    await tx.copy(
        "messages",
        ("shop", "customer", "message_id", "flow", "purpose", "rank", "channel", "at", "leave_before", "address"),
        [
            (
                *c.key,
                c.message_id,
                c.flow,
                c.purpose,
                c.rank,
                c.channel,
                d.decision.at,
                d.decision.opening.end if d.decision.opening else None,
                None if c.purpose == "transactional" else d.address,
            )
            for d in decided
            for c in (d.candidate,)
        ],
    )
    await wake_senders(tx, {d.candidate.channel for d in decided})


async def wake_senders(tx: Transaction, channels: Collection[str]) -> None:
    """At commit, those of these channels alone: each look of another one costs a transaction."""
    # The payload is the channel's name.
    await tx.execute(
        "select pg_notify('messages', w.channel) from unnest(cast(:channels as text[])) as w(channel)",
        channels=sorted(channels),
    )


async def count_due(tx: Transaction, now: datetime) -> int:
    """Candidates to be decided up to `now`."""
    # Without those of a customer who is set aside: nothing is decided about them.
    return int(
        await tx.value(
            """
            select count(*) from candidates c where release_at <= :now
            and not exists (select from set_aside s where s.shop = c.shop and s.customer = c.customer)
            """,
            now=now,
        )
    )

"""The queue: messages to be sent, and their leases.

Leases and retries run on the database's clock, in a replay too: they measure a provider's patience, not shop time.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.conditions.state import Condition
from messaging.decisions.facts import subject_of
from messaging.delivery.state import Queued
from messaging.flows.state import read_untrue

LEASE_S = 45
"""Renewed while a hand-off lasts; after it the sender is taken for dead."""
PERMIT_S = 10
"""So long a started message may leave without being looked at again; an opt-out waits no longer."""
ANY_RANK = 2**31 - 1
"""Every rank goes before it."""
_CUSTOMERS = Columns("w", shop="text", customer="text")
_PICKED = Columns("w", shop="text", customer="text", message_id="text")
_LEASED = Columns("l", shop="text", customer="text", message_id="text", lease="uuid", cause="text")
_OURS = """m.shop = l.shop and m.customer = l.customer and m.message_id = l.message_id
            and m.state = 'leased' and m.lease = l.lease"""
SENT_BY = """coalesce((select d.policy_version from decisions d
                where d.shop = m.shop and d.customer = m.customer and d.message_id = m.message_id
                    and d.outcome = 'send' and d.at = m.at), 0) as policy_version"""
"""The version of the policy by which the message `m` was decided to be sent."""
_MESSAGE = f"""m.shop, m.customer, m.message_id, m.flow, m.purpose, m.rank, m.channel, m.at, m.leave_before, m.attempts,
            m.lease, m.started, m.address, c.cause_at, c.causation, c.correlation, cast(c.details as text) as details,
            c.template, c.cause, cast(c.untrue as text) as untrue,
            c.condition_subject, c.condition_revision, c.condition_value, {SENT_BY}"""


async def lease(
    tx: Transaction, channel: str, limit: int, paused: Sequence[str] = (), before: int = ANY_RANK
) -> list[Queued]:
    """Take a channel's first messages by rank, then by age, of customers nobody else holds; their customers are locked.

    Shops take turns by their first messages; the `paused` ones are left alone, and so are ranks that do not go
    `before` this one.
    """
    token = uuid.uuid4()
    # Lock the customers, so that no opt-out comes between this look at the register and the lease. The first rows of
    # each shop are picked by the index before they are joined, so that no shop's backlog is read for another's mail:
    # more than are wanted, because other workers hold some of their customers.
    picked = await tx.fetch(
        """
        with recursive waiting as (
            (select shop from messages where state = 'queued' and channel = :channel order by shop limit 1)
            union all
            select (select m.shop from messages m
                    where m.state = 'queued' and m.channel = :channel and m.shop > w.shop order by m.shop limit 1)
            from waiting w where w.shop is not null
        ), open as materialized (
            select shop from waiting where shop <> all(cast(:paused as text[]))
        ), first as materialized (
            select f.shop, f.customer, f.message_id, f.rank, f.at
            from open o cross join lateral (
                select m.shop, m.customer, m.message_id, m.rank, m.at from messages m
                where m.channel = :channel and m.shop = o.shop and m.state = 'queued' and m.rank < :before
                    and m.next_try_at <= clock_timestamp()
                order by m.rank, m.at, m.message_id
                limit (select greatest(16, :look_at / greatest(1, count(*))) from open)
            ) f
            order by f.rank, f.at, f.message_id limit :look_at
        )
        select f.shop, f.customer, f.message_id
        from first f join customers c on c.shop = f.shop and c.customer = f.customer
        order by f.rank, f.at, f.message_id limit :limit
        for update of c skip locked
        """,
        channel=channel,
        limit=limit,
        look_at=limit * 16,
        paused=list(paused),
        before=before,
    )
    if not picked:
        return []
    await tx.lock_customers(((r.shop, r.customer) for r in picked), there=True)
    # What was leased or suppressed before we had the lock has another state.
    rows = await tx.fetch(
        f"""
        update messages m set state = 'leased', lease = :lease, attempts = m.attempts + 1,
            lease_until = clock_timestamp() + make_interval(secs => :lease_s)
        from {_PICKED} join candidates c using (shop, customer, message_id)
        where m.shop = w.shop and m.customer = w.customer and m.message_id = w.message_id and m.state = 'queued'
        returning {_MESSAGE}
        """,
        **_PICKED.of(tuple(r) for r in picked),
        lease=token,
        lease_s=LEASE_S,
    )
    return [_queued(r) for r in sorted(rows, key=lambda r: (r.rank, r.at, r.message_id))]


async def lock_free(tx: Transaction, keys: Collection[CustomerKey]) -> set[CustomerKey]:
    """Lock those of these customers whom nobody else holds, and say who they are; never waits."""
    # By primary key.
    rows = await tx.fetch(
        f"""
        select c.shop, c.customer from {_CUSTOMERS} join customers c using (shop, customer)
        for update of c skip locked
        """,
        **_CUSTOMERS.of(sorted(keys)),
    )
    return {(r.shop, r.customer) for r in rows}


async def start(tx: Transaction, messages: Sequence[Queued]) -> list[Queued]:
    """Say that these leased messages are handed off next; returns those that may leave for PERMIT_S seconds."""
    # Committed before the first is handed off: from then on it is in doubt until its end is recorded.
    return await _permit(tx, messages, begin=True)


async def may_still_leave(tx: Transaction, message: Queued) -> bool:
    """Ask again for a started message whose permit runs out; True renews it."""
    return bool(await _permit(tx, [message], begin=False))


async def _permit(tx: Transaction, messages: Sequence[Queued], *, begin: bool) -> list[Queued]:
    if not messages:
        return []
    # What was recalled, what has passed to another sender, and what is of a campaign that was halted meanwhile, must
    # not leave. A campaign is asked of here, since a lease beside its halt may have seen it running.
    rows = await tx.fetch(
        f"""
        update messages m set started = true, lease_until = clock_timestamp() + make_interval(secs => :lease_s),
            may_leave_until = clock_timestamp() + make_interval(secs => :permit_s)
        from {_LEASED} where {_OURS} and not m.recalled and (:begin or m.started)
            and not exists (select from campaigns k where k.shop = l.shop and k.state in ('paused', 'stopped')
                and 'campaign/' || k.campaign = l.cause)
        returning m.shop, m.customer, m.message_id
        """,
        **_leased(messages),
        lease_s=LEASE_S,
        permit_s=PERMIT_S,
        begin=begin,
    )
    ours = {(r.shop, r.customer, r.message_id) for r in rows}
    return [m for m in messages if (*m.key, m.about.message_id) in ours]


async def renew(tx: Transaction, messages: Sequence[Queued]) -> None:
    """Their hand-off lasts: keep the leases. They get no new permit to leave."""
    if not messages:
        return
    # A recalled one too: it ends with what its server says.
    await tx.execute(
        f"""
        update messages m set lease_until = clock_timestamp() + make_interval(secs => :lease_s)
        from {_LEASED} where {_OURS}
        """,
        **_leased(messages),
        lease_s=LEASE_S,
    )


def _leased(messages: Sequence[Queued]) -> dict[str, list[Any]]:
    return _LEASED.of((*m.key, m.about.message_id, m.lease, m.cause) for m in messages)


async def lock_expired(tx: Transaction, limit: int) -> list[Queued]:
    """Messages whose sender died; of those it had started nobody knows whether they left."""
    # The lease's end, and a margin in which its holder gives up by itself.
    picked = await tx.fetch(
        """
        select m.shop, m.customer, m.message_id
        from messages m join customers c on c.shop = m.shop and c.customer = m.customer
        where m.state = 'leased' and m.lease_until < clock_timestamp()
        order by m.lease_until limit :limit
        for update of c skip locked
        """,
        limit=limit,
    )
    if not picked:
        return []
    await tx.lock_customers(((r.shop, r.customer) for r in picked), there=True)
    # Their holder may have recorded them meanwhile.
    rows = await tx.fetch(
        f"""
        select {_MESSAGE}
        from {_PICKED} join messages m using (shop, customer, message_id)
        join candidates c using (shop, customer, message_id)
        where m.state = 'leased' and m.lease_until < clock_timestamp()
        """,
        **_PICKED.of(tuple(r) for r in picked),
    )
    return [replace(_queued(r), started=r.started) for r in rows]


def _queued(r: Row[Any]) -> Queued:
    return Queued(
        subject_of(r),
        r.at,
        r.leave_before,
        r.cause_at,
        r.attempts,
        orjson.loads(r.details),
        uuid.UUID(str(r.lease)),
        condition=Condition.stored(r.condition_subject, r.condition_revision, r.condition_value),
        address=r.address,
        policy_version=r.policy_version,
        untrue=read_untrue(r.untrue),
        cause=r.cause,
    )


_USED = """
        with recursive used as (
            (select channel from messages where state = 'queued' order by channel limit 1)
            union all
            select (select m.channel from messages m where m.state = 'queued' and m.channel > u.channel
                    order by m.channel limit 1)
            from used u where u.channel is not null
        )
        select channel from used where channel is not null
"""
"""One index probe a channel, however many messages are queued."""


async def channels_queued(tx: Transaction) -> list[str]:
    """The channels on which messages are queued, due or not."""
    # As `_USED` says.
    return [r.channel for r in await tx.fetch(_USED)]


async def channels_without_sender(tx: Transaction, senders: Collection[str]) -> list[str]:
    """The channels on which messages are queued, but for those of `senders`; also names that no release knows."""
    # As `_USED` says.
    rows = await tx.fetch(f"{_USED} and channel <> all(cast(:senders as text[]))", senders=list(senders))
    return [r.channel for r in rows]


async def count_without_sender(tx: Transaction, senders: Collection[str]) -> dict[str, int]:
    """Messages by channel that wait for a sender which this release does not have: held by the sweep, or queued."""
    # Two partial indexes; both sets are empty where every channel in use has its sender.
    queued = await channels_without_sender(tx, senders)
    rows = await tx.fetch(
        """
        select channel, count(*) as messages from (
            select channel from candidates where outcome = 'hold' and reason = 'no_sender'
            union all
            select channel from messages where state = 'queued' and channel = any(cast(:queued as text[]))
        ) waiting group by channel order by channel
        """,
        queued=queued,
    )
    return {r.channel: int(r.messages) for r in rows}


async def count_open(tx: Transaction) -> tuple[int, int]:
    """(queued, leased)."""
    # Both are partial indexes.
    row = await tx.fetch_one(
        """
        select (select count(*) from messages where state = 'queued') as queued,
               (select count(*) from messages where state = 'leased') as leased
        """
    )
    assert row is not None
    return row.queued, row.leased

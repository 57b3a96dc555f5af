"""The queue: messages to be sent, their leases, and their ends.

Leases and retries run on the database's clock, in a replay too: they measure a provider's patience, not shop time.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import orjson
from sqlalchemy import Row

from common.events import CustomerKey
from common.events.customers import Channel
from common.storage.database import Transaction
from messaging.contacts.addresses import columns
from messaging.decisions.facts import Subject
from messaging.flows.flows import Claim, Condition, Kind

LEASE_S = 45
"""Renewed while a hand-off lasts; after it the sender is taken for dead."""
PERMIT_S = 10
"""So long a started message may leave without being looked at again; an opt-out waits no longer."""
End = Literal["sent", "failed", "unknown", "suppressed", "queued", "missed"]


@dataclass(frozen=True, slots=True)
class Queued:
    """A message taken from the queue; `at` is when it was decided, `address` the hash of where it was to go then."""

    about: Subject
    kind: Kind
    at: datetime
    leave_before: datetime | None
    cause_at: datetime
    attempts: int
    details: dict[str, Any]
    lease: uuid.UUID
    started: bool = False
    condition: Condition | None = None
    address: bytes | None = None

    @property
    def key(self) -> CustomerKey:
        return self.about.shop, self.about.customer

    @property
    def claim(self) -> Claim:
        return Claim(self.about.flow, self.cause_at, self.condition, self.details.get("order_id"))


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a leased message. `queued`: to be tried again after `wait_s`; `tried` says whether that counts.

    `missed`: its window had closed before it could leave; it is judged again.
    """

    message: Queued
    state: End
    at: datetime
    reason: str | None = None
    wait_s: float = 0
    tried: bool = True


async def lease(tx: Transaction, limit: int, paused: Sequence[str] = ()) -> list[Queued]:
    """Take the first messages by rank, then by age, of customers nobody else holds; their customers are locked.

    Shops take turns by their first messages; the `paused` ones are left alone.
    """
    token = uuid.uuid4()
    # Lock the customers, so that no opt-out comes between this look at the register and the lease. The first rows of
    # each shop are picked by the index before they are joined, so that no shop's backlog is read for another's mail:
    # more than are wanted, because other workers hold some of their customers.
    picked = await tx.fetch(
        """
        with recursive waiting as (
            (select shop from messages where state = 'queued' order by shop limit 1)
            union all
            select (select m.shop from messages m where m.state = 'queued' and m.shop > w.shop order by m.shop limit 1)
            from waiting w where w.shop is not null
        ), open as materialized (
            select shop from waiting where shop <> all(cast(:paused as text[]))
        ), first as materialized (
            select f.shop, f.customer, f.message_id, f.rank, f.at
            from open o cross join lateral (
                select m.shop, m.customer, m.message_id, m.rank, m.at from messages m
                where m.shop = o.shop and m.state = 'queued' and m.next_try_at <= clock_timestamp()
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
        limit=limit,
        look_at=limit * 16,
        paused=list(paused),
    )
    if not picked:
        return []
    keys = [(r.shop, r.customer) for r in picked]
    await tx.lock_customers(keys)
    # Whoever leased or suppressed one of them before we had the lock has changed its state.
    rows = await tx.fetch(
        """
        update messages m set state = 'leased', lease = :lease, attempts = m.attempts + 1,
            lease_until = clock_timestamp() + make_interval(secs => :lease_s)
        from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:ids as text[])) as w(shop, customer, id)
        join candidates c on c.shop = w.shop and c.customer = w.customer and c.message_id = w.id
        where m.shop = w.shop and m.customer = w.customer and m.message_id = w.id and m.state = 'queued'
        returning m.shop, m.customer, m.message_id, m.flow, m.kind, m.channel, m.at, m.leave_before, m.attempts, m.rank,
            m.address,
            c.cause_at, c.causation, c.correlation, cast(c.details as text) as details, c.condition_subject,
            c.condition_revision, c.condition_value
        """,
        **columns(keys),
        ids=[r.message_id for r in picked],
        lease=token,
        lease_s=LEASE_S,
    )
    return [_queued(r, token) for r in sorted(rows, key=lambda r: (r.rank, r.at, r.message_id))]


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
    # What was recalled by an opt-out, or has passed to another sender, must not leave.
    rows = await tx.fetch(
        """
        update messages m set started = true, lease_until = clock_timestamp() + make_interval(secs => :lease_s),
            may_leave_until = clock_timestamp() + make_interval(secs => :permit_s)
        from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:ids as text[]), cast(:leases as uuid[]))
            as s(shop, customer, message_id, lease)
        where m.shop = s.shop and m.customer = s.customer and m.message_id = s.message_id
            and m.state = 'leased' and m.lease = s.lease and not m.recalled and (:begin or m.started)
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
        """
        update messages m set lease_until = clock_timestamp() + make_interval(secs => :lease_s)
        from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:ids as text[]), cast(:leases as uuid[]))
            as s(shop, customer, message_id, lease)
        where m.shop = s.shop and m.customer = s.customer and m.message_id = s.message_id
            and m.state = 'leased' and m.lease = s.lease
        """,
        **_leased(messages),
        lease_s=LEASE_S,
    )


def _leased(messages: Sequence[Queued]) -> dict[str, Any]:
    return {
        **columns([m.key for m in messages]),
        "ids": [m.about.message_id for m in messages],
        "leases": [m.lease for m in messages],
    }


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
    keys = [(r.shop, r.customer) for r in picked]
    await tx.lock_customers(keys)
    # Their holder may have recorded them meanwhile.
    rows = await tx.fetch(
        """
        select m.shop, m.customer, m.message_id, m.flow, m.kind, m.channel, m.at, m.leave_before, m.attempts, m.lease,
            m.started, m.address,
            c.cause_at, c.causation, c.correlation, cast(c.details as text) as details, c.condition_subject,
            c.condition_revision, c.condition_value
        from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:ids as text[])) as w(shop, customer, id)
        join messages m on m.shop = w.shop and m.customer = w.customer and m.message_id = w.id
        join candidates c on c.shop = w.shop and c.customer = w.customer and c.message_id = w.id
        where m.state = 'leased' and m.lease_until < clock_timestamp()
        """,
        **columns(keys),
        ids=[r.message_id for r in picked],
    )
    return [replace(_queued(r, r.lease), started=r.started) for r in rows]


def _queued(r: Row[Any], token: uuid.UUID) -> Queued:
    about = Subject(r.shop, r.customer, r.message_id, r.flow, r.channel, r.causation, r.correlation)
    condition = None
    if r.condition_subject is not None:
        condition = Condition(r.condition_subject, r.condition_revision, r.condition_value)
    return Queued(
        about, r.kind, r.at, r.leave_before, r.cause_at, r.attempts, orjson.loads(r.details), uuid.UUID(str(token)),
        condition=condition, address=r.address,
    )  # fmt: skip


async def end(tx: Transaction, ended: Sequence[Ended]) -> list[Ended]:
    """Record what became of leased messages; returns those that were still ours. The customers are locked."""
    missed = await judge_again(tx, [e for e in ended if e.state == "missed"])
    ended = [e for e in ended if e.state != "missed"]
    if not ended:
        return missed
    # A row whose lease has passed to somebody else is not ours to record any more.
    rows = await tx.fetch(
        """
        update messages m set state = e.state, reason = e.reason, lease = null, lease_until = null, started = false,
            may_leave_until = null, recalled = false,
            sent_at = case when e.state = 'sent' then e.at end,
            attempts = m.attempts - case when e.tried then 0 else 1 end,
            next_try_at = clock_timestamp() + make_interval(secs => e.wait_s)
        from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:ids as text[]), cast(:leases as uuid[]),
            cast(:states as text[]), cast(:reasons as text[]), cast(:ats as timestamptz[]),
            cast(:waits as double precision[]), cast(:tried as boolean[]))
            as e(shop, customer, message_id, lease, state, reason, at, wait_s, tried)
        where m.shop = e.shop and m.customer = e.customer and m.message_id = e.message_id
            and m.state = 'leased' and m.lease = e.lease
        returning m.shop, m.customer, m.message_id
        """,
        **columns([e.message.key for e in ended]),
        ids=[e.message.about.message_id for e in ended],
        leases=[e.message.lease for e in ended],
        states=[e.state for e in ended],
        reasons=[e.reason for e in ended],
        ats=[e.at for e in ended],
        waits=[e.wait_s for e in ended],
        tried=[e.tried for e in ended],
    )
    ours = {(r.shop, r.customer, r.message_id) for r in rows}
    done = [e for e in ended if (*e.message.key, e.message.about.message_id) in ours]
    await _save_suppressions(tx, [e for e in done if e.state == "suppressed"])
    return done + missed


async def _save_suppressions(tx: Transaction, ended: Sequence[Ended]) -> None:
    if not ended:
        return
    # What was decided to be sent is suppressed after all; both decisions stay on record.
    await tx.execute(
        """
        with e as (
            select * from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:ids as text[]),
                cast(:reasons as text[]), cast(:ats as timestamptz[])) as e(shop, customer, message_id, reason, at)
        ), changed as (
            update candidates c set outcome = 'suppress', reason = e.reason, decided_at = e.at, release_at = null
            from e where c.shop = e.shop and c.customer = e.customer and c.message_id = e.message_id
        )
        insert into decisions (shop, customer, message_id, at, outcome, reason, detail, policy_version)
        select e.shop, e.customer, e.message_id, e.at, 'suppress', e.reason, 'when it was about to be sent',
            coalesce((select max(p.version) from policies p where p.shop = e.shop), 0)
        from e on conflict do nothing
        """,
        **columns([e.message.key for e in ended]),
        ids=[e.message.about.message_id for e in ended],
        reasons=[e.reason for e in ended],
        ats=[e.at for e in ended],
    )


async def judge_again(tx: Transaction, missed: Sequence[Ended]) -> list[Ended]:
    """Give leased messages that missed their window back to the sweep; returns those that were still ours."""
    if not missed:
        return []
    # The place under the caps goes with the row; the sweep decides anew, by what is so then.
    rows = await tx.fetch(
        """
        with gone as (
            delete from messages m
            using unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:ids as text[]),
                cast(:leases as uuid[]), cast(:ats as timestamptz[])) as w(shop, customer, message_id, lease, at)
            where m.shop = w.shop and m.customer = w.customer and m.message_id = w.message_id
                and m.state = 'leased' and m.lease = w.lease
            returning m.shop, m.customer, m.message_id, w.at
        )
        update candidates c set release_at = g.at, outcome = 'hold', reason = 'missed_window', decided_at = g.at
        from gone g where c.shop = g.shop and c.customer = g.customer and c.message_id = g.message_id
        returning c.shop, c.customer, c.message_id
        """,
        **_leased([e.message for e in missed]),
        ats=[e.at for e in missed],
    )
    ours = {(r.shop, r.customer, r.message_id) for r in rows}
    return [e for e in missed if (*e.message.key, e.message.about.message_id) in ours]


async def customers_with_queued(
    tx: Transaction, shop: str, address: bytes | None, channel: Channel
) -> list[CustomerKey]:
    """Whose messages wait to be sent to this address. Few: the caps are the address's."""
    # Partial index on address.
    rows = await tx.fetch(
        """
        select distinct shop, customer from messages
        where shop = :shop and address = cast(:address as bytea) and channel = :channel and state = 'queued'
        """,
        shop=shop,
        address=address,
        channel=channel,
    )
    return [(r.shop, r.customer) for r in rows]


async def suppress_queued(
    tx: Transaction,
    key: CustomerKey,
    locked: Sequence[CustomerKey],
    address: bytes | None,
    channel: Channel,
    kinds: Sequence[Kind],
    reason: str,
    at: datetime,
) -> list[Subject]:
    """Take back what is queued for the customer or for the address, and recall what is leased.

    `locked`: the customers whose messages may be taken back. Returns what was.
    """
    wanted = {
        "shop": key[0], "customer": key[1], "address": address, "channel": channel, "kinds": list(kinds),
    }  # fmt: skip
    # Of customers who are locked, since a fact is told of each. Who else was queued meanwhile is found by the look
    # that every sender has before it leases.
    rows = await tx.fetch(
        """
        with taken as (
            update messages m set state = 'suppressed', reason = :reason
            where m.shop = :shop and (m.customer = :customer or m.address = cast(:address as bytea))
                and m.customer = any(:locked) and m.channel = :channel and m.kind = any(:kinds)
                and m.state = 'queued'
            returning m.shop, m.customer, m.message_id
        ), changed as (
            update candidates c set outcome = 'suppress', reason = :reason, decided_at = :at
            from taken t where c.shop = t.shop and c.customer = t.customer and c.message_id = t.message_id
            returning c.shop, c.customer, c.message_id, c.flow, c.channel, c.causation, c.correlation
        ), noted as (
            insert into decisions (shop, customer, message_id, at, outcome, reason, detail, policy_version)
            select shop, customer, message_id, :at, 'suppress', :reason, 'while it was queued',
                coalesce((select max(p.version) from policies p where p.shop = :shop), 0)
            from taken on conflict do nothing
        )
        select * from changed
        """,
        **wanted,
        locked=[customer for _, customer in locked],
        reason=reason,
        at=at,
    )
    # A leased one may be leaving: the caller waits for those that may leave without asking again. A statement of its
    # own, which sees what a sender has leased while the one above waited for its rows.
    await tx.execute(
        """
        update messages m set recalled = true
        where m.shop = :shop and (m.customer = :customer or m.address = cast(:address as bytea))
            and m.channel = :channel and m.kind = any(:kinds) and m.state = 'leased'
        """,
        **wanted,
    )
    return [Subject(r.shop, r.customer, r.message_id, r.flow, r.channel, r.causation, r.correlation) for r in rows]


async def count_leaving(tx: Transaction, key: CustomerKey, address: bytes | None, channel: Channel) -> int:
    """Messages but transactional, of the customer or to the address, that may be given to a provider at this moment
    without being looked at again."""
    # A leased one that has not started, or whose permit has run out, is looked at first, and finds itself recalled.
    return int(
        await tx.value(
            """
            select count(*) from messages
            where shop = :shop and (customer = :customer or address = cast(:address as bytea)) and channel = :channel
                and state = 'leased' and kind <> 'transactional' and may_leave_until >= clock_timestamp()
            """,
            shop=key[0],
            customer=key[1],
            address=address,
            channel=channel,
        )
    )


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


async def count_unknown(tx: Transaction) -> int:
    """Messages of which nobody knows whether the provider took them: the operator's list."""
    # A partial index of its own.
    return int(await tx.value("select count(*) from messages where state = 'unknown'"))

"""Candidates that wait for a decision, and the decisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from common.events import CustomerKey
from common.storage.database import Transaction
from messaging.contacts.addresses import Address, columns, hold_addresses
from messaging.decisions.rules import Decision
from messaging.flows.flows import FLOWS, Candidate, Condition
from messaging.limits.caps.rules import Contacted

LOOK_BACK = timedelta(days=400)
"""How far back messages are read for the caps: longer than the longest gap that may be set between surveys."""

EVERY_FLOW = tuple(FLOWS)


@dataclass(frozen=True, slots=True)
class Decided:
    candidate: Candidate
    decision: Decision
    policy_version: int
    address: bytes | None = None


async def insert_candidates(tx: Transaction, candidates: Sequence[Candidate]) -> int:
    """Add candidates; one that asks for the same message again is left out. Returns how many are new."""
    if not candidates:
        return 0
    # The unique index on (customer, flow, cause, channel) drops what was asked for before.
    added = await tx.execute(
        """
        insert into candidates (shop, customer, message_id, flow, channel, cause, cause_at, due_at, release_at, details,
            condition_subject, condition_revision, condition_value, causation, correlation)
        select shop, customer, message_id, flow, channel, cause, cause_at, due_at, due_at, cast(details as jsonb),
            subject, revision, value, causation, correlation
        from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:ids as text[]), cast(:flows as text[]),
            cast(:channels as text[]), cast(:causes as text[]), cast(:cause_ats as timestamptz[]),
            cast(:due_ats as timestamptz[]), cast(:details as text[]), cast(:subjects as text[]),
            cast(:revisions as bigint[]), cast(:values as text[]), cast(:causations as text[]),
            cast(:correlations as text[]))
            as c(shop, customer, message_id, flow, channel, cause, cause_at, due_at, details, subject, revision, value,
                causation, correlation)
        on conflict do nothing
        """,
        **columns([(c.shop, c.customer) for c in candidates]),
        ids=[c.message_id for c in candidates],
        flows=[c.flow for c in candidates],
        channels=[c.channel for c in candidates],
        causes=[c.cause for c in candidates],
        cause_ats=[c.cause_at for c in candidates],
        due_ats=[c.due_at for c in candidates],
        details=[orjson.dumps(c.details).decode() for c in candidates],
        subjects=[c.condition.subject if c.condition else None for c in candidates],
        revisions=[c.condition.revision if c.condition else None for c in candidates],
        values=[c.condition.value if c.condition else None for c in candidates],
        causations=[c.causation for c in candidates],
        correlations=[c.correlation for c in candidates],
    )
    if added:
        # Wakes the sweep at commit.
        await tx.execute("notify candidates")
    return added


async def lock_due_customers(
    tx: Transaction, now: datetime, limit: int, flows: Sequence[str] = EVERY_FLOW
) -> list[CustomerKey]:
    """Customers with candidates to judge, locked with their addresses; what another sweep holds is left to it."""
    # The earliest `limit` candidates name the customers.
    rows = await tx.fetch(
        """
        select c.shop, c.customer
        from (select distinct shop, customer
              from (select shop, customer from candidates c
                    where release_at <= :now and flow = any(:flows) and not exists (
                        select from set_aside s where s.job = 'decide' and s.shop = c.shop and s.customer = c.customer
                    )
                    order by release_at limit :limit) first) d
        join customers c on c.shop = d.shop and c.customer = d.customer
        for update of c skip locked
        """,
        now=now,
        limit=limit,
        flows=list(flows),
    )
    keys = sorted((r.shop, r.customer) for r in rows)
    await tx.lock_customers(keys)
    return await hold_addresses(tx, keys)


async def get_due(
    tx: Transaction, keys: Sequence[CustomerKey], now: datetime, flows: Sequence[str] = EVERY_FLOW
) -> list[Candidate]:
    """The locked customers' candidates to be judged, read after the lock was taken."""
    # Only rows that are not decided have a release time.
    rows = await tx.fetch(
        """
        select c.shop, c.customer, c.message_id, c.flow, c.channel, c.cause, c.cause_at, c.due_at, c.release_at,
            cast(c.details as text) as details, c.condition_subject, c.condition_revision, c.condition_value,
            c.causation, c.correlation, case when c.outcome = 'hold' then c.reason end as held
        from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
        join candidates c on c.shop = w.shop and c.customer = w.customer
        where c.release_at <= :now and c.flow = any(:flows)
        """,
        **columns(keys),
        now=now,
        flows=list(flows),
    )
    return [
        Candidate(
            shop=r.shop,
            customer=r.customer,
            message_id=r.message_id,
            flow=r.flow,
            channel=r.channel,
            cause=r.cause,
            cause_at=r.cause_at,
            due_at=r.due_at,
            release_at=r.release_at,
            details=orjson.loads(r.details),
            condition=None
            if r.condition_subject is None
            else Condition(r.condition_subject, r.condition_revision, r.condition_value),
            causation=r.causation,
            correlation=r.correlation,
            held=r.held,
        )
        for r in rows
    ]


class Places:
    """The messages that hold a place under the caps: of a customer, and at an address, of whomever."""

    def __init__(self) -> None:
        self._of: defaultdict[CustomerKey, list[tuple[bytes | None, Contacted]]] = defaultdict(list)
        self._at: defaultdict[Address, list[tuple[str, Contacted]]] = defaultdict(list)

    def take(self, key: CustomerKey, address: bytes | None, contacted: Contacted) -> None:
        shop, customer = key
        self._of[key].append((address, contacted))
        if address is not None:
            self._at[(shop, address)].append((customer, contacted))

    def so_far(self, key: CustomerKey, address: bytes | None) -> list[Contacted]:
        """What counts for one more message to the customer at this address, each message once."""
        shop, customer = key
        own = [contacted for _, contacted in self._of[key]]
        if address is None:
            return own
        return own + [contacted for other, contacted in self._at[(shop, address)] if other != customer]


async def get_places(tx: Transaction, wanted: Mapping[CustomerKey, bytes | None], since: datetime) -> Places:
    """Of each customer, with the address they have: all messages but those that failed or were taken back."""
    # An unknown one may have arrived, so it counts. At an address the caps bound how many there are.
    rows = await tx.fetch(
        """
        with w as (
            select * from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:addresses as bytea[]))
                as w(shop, customer, address)
        ), holding as (
            select m.shop, m.customer, m.message_id from w
            join messages m on m.shop = w.shop and m.customer = w.customer where m.at > :since
            union
            select m.shop, m.customer, m.message_id
            from (select distinct shop, address from w where address is not null) w
            join messages m on m.shop = w.shop and m.address = w.address where m.at > :since
        )
        select m.shop, m.customer, m.at, m.kind, m.channel, m.address
        from holding join messages m using (shop, customer, message_id)
        where m.state in ('queued', 'leased', 'sent', 'unknown') and m.kind <> 'transactional'
        """,
        **columns(list(wanted)),
        addresses=list(wanted.values()),
        since=since,
    )
    places = Places()
    for r in rows:
        places.take((r.shop, r.customer), r.address, Contacted(r.at, r.kind, r.channel))
    return places


async def save_decisions(tx: Transaction, decided: Sequence[Decided]) -> None:
    """Store the decisions, move the candidates on, queue what is to be sent. The customers are locked."""
    if not decided:
        return
    last = {(d.candidate.shop, d.candidate.customer, d.candidate.message_id): d for d in decided}
    rows = list(last.values())
    # Each candidate as its last decision in this bite leaves it.
    await tx.execute(
        """
        update candidates c set release_at = d.until, outcome = d.outcome, reason = d.reason, decided_at = d.at
        from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:ids as text[]),
            cast(:untils as timestamptz[]), cast(:outcomes as text[]), cast(:reasons as text[]),
            cast(:ats as timestamptz[])) as d(shop, customer, message_id, until, outcome, reason, at)
        where c.shop = d.shop and c.customer = d.customer and c.message_id = d.message_id
        """,
        **columns([(d.candidate.shop, d.candidate.customer) for d in rows]),
        ids=[d.candidate.message_id for d in rows],
        untils=[d.decision.until for d in rows],
        outcomes=[d.decision.outcome for d in rows],
        reasons=[d.decision.reason for d in rows],
        ats=[d.decision.at for d in rows],
    )
    await tx.copy(
        "decisions",
        ("shop", "customer", "message_id", "at", "outcome", "reason", "detail", "until", "policy_version"),
        [
            (d.candidate.shop, d.candidate.customer, d.candidate.message_id, d.decision.at, d.decision.outcome,
             d.decision.reason, d.decision.detail, d.decision.until, d.policy_version)
            for d in decided
        ],
    )  # fmt: skip
    to_send = [d for d in rows if d.decision.outcome == "send"]
    if not to_send:
        return
    await tx.copy(
        "messages",
        ("shop", "customer", "message_id", "flow", "kind", "rank", "channel", "at", "leave_before", "address"),
        [
            (d.candidate.shop, d.candidate.customer, d.candidate.message_id, d.candidate.flow, d.candidate.kind,
             d.candidate.rank, d.candidate.channel, d.decision.at,
             d.decision.opening.end if d.decision.opening else None,
             None if d.candidate.kind == "transactional" else d.address)
            for d in to_send
        ],
    )  # fmt: skip
    # Wakes the sender at commit.
    await tx.execute("notify messages")


async def count_due(tx: Transaction, now: datetime) -> int:
    """Candidates to be judged up to `now`."""
    # Nobody judges those of a customer who is set aside.
    return int(
        await tx.value(
            """
            select count(*) from candidates c where release_at <= :now
            and not exists (select from set_aside s where s.shop = c.shop and s.customer = c.customer)
            """,
            now=now,
        )
    )

"""Candidates as events make them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import orjson

from common.events import CustomerKey
from common.people.store import get_people
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.flows.state import Candidate, stored_untrue

_CANDIDATES = Columns(
    "n",
    shop="text",
    customer="text",
    message_id="text",
    flow="text",
    purpose="text",
    rank="integer",
    channel="text",
    cause="text",
    cause_at="timestamptz",
    due_at="timestamptz",
    details="text",
    condition_subject="text",
    condition_revision="bigint",
    condition_value="text",
    causation="text",
    correlation="text",
    template="text",
    untrue="text",
)
_REACHED = Columns("w", shop="text", customer="text", has="text", at="timestamptz")
_DECIDED = Columns("w", shop="text", customer="text", message_id="text")


async def insert_candidates(tx: Transaction, candidates: Sequence[Candidate]) -> int:
    """Add candidates; one that asks for the same message again is left out. Returns how many are new."""
    if not candidates:
        return 0
    # The primary key drops what was asked for before, since the id is derived from customer, flow, cause and channel.
    # What a rebuild has read of decisions already holds; otherwise a new candidate has none.
    added = await tx.execute(
        f"""
        insert into candidates (shop, customer, message_id, flow, purpose, rank, channel, cause, cause_at, due_at,
            release_at, outcome, reason, decided_at, details, condition_subject, condition_revision, condition_value,
            causation, correlation, template, untrue)
        select n.shop, n.customer, n.message_id, n.flow, n.purpose, n.rank, n.channel, n.cause, n.cause_at, n.due_at,
            case when s.outcome is null then n.due_at else s.until end, s.outcome, s.reason, s.at,
            cast(n.details as jsonb), n.condition_subject, n.condition_revision, n.condition_value, n.causation,
            n.correlation, n.template, cast(n.untrue as jsonb)
        from {_CANDIDATES} left join lateral ({_standing("n")}) s on true on conflict do nothing
        """,
        **_CANDIDATES.of(_row(c) for c in candidates),
    )
    if added:
        # Wakes at commit what decides them: notices wait for no round of the sweep, and give no cause for one.
        if any(c.purpose == "transactional" for c in candidates):
            await tx.execute("notify notices")
        if any(c.purpose != "transactional" for c in candidates):
            await tx.execute("notify candidates")
    return added


async def wake_with_coupon(tx: Transaction, reached: Iterable[tuple[CustomerKey, datetime]]) -> None:
    """Decide what campaigns want of those customers who have the coupon by now that it waits for, from the time on."""
    # The index on customers' coupons; what was decided once has its own time.
    await _wake(
        tx,
        reached,
        """
        select from coupons o where o.shop = c.shop and o.customer = w.has
            and o.offer_id = c.untrue ->> 'offer' and o.valid_until > w.at and coalesce(o.free, true)
        """,
    )


async def wake_declined(tx: Transaction, reached: Iterable[tuple[CustomerKey, datetime]]) -> None:
    """Decide what campaigns want of those customers whose coupon was declined, from the time on: it does not come."""
    # By primary key; the request is named for its campaign (CampaignDocument.batch).
    await _wake(
        tx,
        reached,
        """
        select from declined_coupons d where d.shop = c.shop and d.customer = w.has
            and d.batch = 'campaign:' || (c.details ->> 'campaign')
        """,
    )


async def _wake(tx: Transaction, reached: Iterable[tuple[CustomerKey, datetime]], found: str) -> None:
    """Of each customer from the first of the times on: what campaigns want, wait for, and have `found`, a select over
    candidates `c` and `w`: who has it (`has`) and since when (`at`)."""
    first: dict[CustomerKey, datetime] = {}
    for key, at in reached:
        first[key] = min(at, first.get(key, at))
    if not first:
        return
    # Under whichever identifier of the person the coupon is, and the message (ORD-040).
    people = await get_people(tx, list(first))
    pairs = {(mine, has): at for key, at in first.items() for mine in people[key] for has in people[key]}
    # By primary key, each with a probe of what is found.
    woken = await tx.execute(
        f"""
        update candidates c set release_at = w.at from {_REACHED}
        where c.shop = w.shop and c.customer = w.customer and c.flow = 'campaign' and c.outcome is null
            and c.release_at > w.at and exists ({found})
        """,
        **_REACHED.of((*mine, has, at) for (mine, (_, has)), at in pairs.items()),
    )
    if woken:
        await tx.execute("notify candidates")


async def settle_candidates(tx: Transaction, decided: Iterable[tuple[CustomerKey, str]]) -> None:
    """A rebuild has read decisions about these candidates, (customer, message id): they stand as those left them.

    Of candidates whose cause is still to come nothing is done; `insert_candidates` finds their decisions.
    """
    # By primary keys.
    await tx.execute(
        f"""
        update candidates c set outcome = s.outcome, reason = s.reason, decided_at = s.at, release_at = s.until
        from {_DECIDED} cross join lateral ({_standing("w")}) s
        where c.shop = w.shop and c.customer = w.customer and c.message_id = w.message_id
        """,
        **_DECIDED.of((*key, message_id) for key, message_id in sorted(set(decided))),
    )


def _standing(of: str) -> str:
    """How the decisions leave the message that the row `of` names: suppressed, else as it was queued, else as it was
    held last. One that was queued and missed its window is no more in the queue, and was held at that instant."""
    return f"""
        select d.outcome, d.reason, d.at, d.until
        from decisions d left join messages m using (shop, customer, message_id)
        where d.shop = {of}.shop and d.customer = {of}.customer and d.message_id = {of}.message_id
            and (d.outcome <> 'send' or d.at = m.at)
        order by d.outcome = 'suppress' desc, d.outcome = 'send' desc, d.at desc, d.reason = 'missed_window' limit 1
    """


def _row(c: Candidate) -> tuple[object, ...]:
    rests_on = (c.condition.subject, c.condition.revision, c.condition.value) if c.condition else (None, None, None)
    details = orjson.dumps(dict(c.details)).decode()
    return (
        c.shop,
        c.customer,
        c.message_id,
        c.flow,
        c.purpose,
        c.rank,
        c.channel,
        c.cause,
        c.cause_at,
        c.due_at,
        details,
        *rests_on,
        c.causation,
        c.correlation,
        c.template,
        stored_untrue(c.untrue),
    )

"""Candidates as events make them."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.flows.state import Candidate

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
)


async def insert_candidates(tx: Transaction, candidates: Sequence[Candidate]) -> int:
    """Add candidates; one that asks for the same message again is left out. Returns how many are new."""
    if not candidates:
        return 0
    # The unique index on (customer, flow, cause, channel) drops what was asked for before.
    added = await tx.execute(
        f"""
        insert into candidates (shop, customer, message_id, flow, purpose, rank, channel, cause, cause_at, due_at,
            release_at, details, condition_subject, condition_revision, condition_value, causation, correlation)
        select shop, customer, message_id, flow, purpose, rank, channel, cause, cause_at, due_at, due_at,
            cast(details as jsonb), condition_subject, condition_revision, condition_value, causation, correlation
        from {_CANDIDATES} on conflict do nothing
        """,
        **_CANDIDATES.of(_row(c) for c in candidates),
    )
    if added:
        # Wakes the sweep at commit.
        await tx.execute("notify candidates")
    return added


def _row(c: Candidate) -> tuple[object, ...]:
    rests_on = (c.condition.subject, c.condition.revision, c.condition.value) if c.condition else (None, None, None)
    details = orjson.dumps(c.details).decode()
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
    )

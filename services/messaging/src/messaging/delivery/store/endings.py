"""What became of leased messages: recorded, suppressed after all, or given back to the sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.decisions.state import MISSED
from messaging.delivery.state import Ended

_ENDED = Columns(
    "e",
    shop="text",
    customer="text",
    message_id="text",
    lease="uuid",
    state="text",
    reason="text",
    at="timestamptz",
    wait_s="double precision",
    tried="boolean",
    sent_to="bytea",
)
TAKEN_BACK = "when it was about to be sent"
"""The detail of a decision against what had been decided to be sent."""
_TAKEN_BACK = Columns("e", shop="text", customer="text", message_id="text", reason="text", at="timestamptz")
_MISSED = Columns("w", shop="text", customer="text", message_id="text", lease="uuid", at="timestamptz")


async def end(tx: Transaction, ended: Sequence[Ended]) -> list[Ended]:
    """Record what became of leased messages; returns those that were still ours, with the version of the policy by
    which they were suppressed or missed their window. The customers are locked."""
    missed = await decide_again(tx, [e for e in ended if e.state == "missed"])
    ended = [e for e in ended if e.state != "missed"]
    if not ended:
        return missed
    # A row whose lease has passed to somebody else is not ours to record any more.
    rows = await tx.fetch(
        f"""
        update messages m set state = e.state, reason = e.reason, lease = null, lease_until = null, started = false,
            may_leave_until = null, recalled = false,
            sent_at = case when e.state = 'sent' then e.at end, sent_to = e.sent_to,
            attempts = m.attempts - case when e.tried then 0 else 1 end,
            next_try_at = clock_timestamp() + make_interval(secs => e.wait_s)
        from {_ENDED}
        where m.shop = e.shop and m.customer = e.customer and m.message_id = e.message_id
            and m.state = 'leased' and m.lease = e.lease
        returning m.shop, m.customer, m.message_id
        """,
        **_ENDED.of(
            (
                *e.message.key,
                e.message.about.message_id,
                e.message.lease,
                e.state,
                e.reason,
                e.at,
                float(e.wait_s),
                e.tried,
                e.sent_to,
            )
            for e in ended
        ),
    )
    ours = {(r.shop, r.customer, r.message_id) for r in rows}
    done = [e for e in ended if (*e.message.key, e.message.about.message_id) in ours]
    suppressed = await _save_suppressions(tx, [e for e in done if e.state == "suppressed"])
    return [e for e in done if e.state != "suppressed"] + suppressed + missed


async def _save_suppressions(tx: Transaction, ended: Sequence[Ended]) -> list[Ended]:
    if not ended:
        return []
    # What was decided to be sent is suppressed after all; both decisions stay on record.
    rows = await tx.fetch(
        f"""
        with e as (
            select * from {_TAKEN_BACK}
        ), changed as (
            update candidates c set outcome = 'suppress', reason = e.reason, decided_at = e.at, release_at = null
            from e where c.shop = e.shop and c.customer = e.customer and c.message_id = e.message_id
        )
        insert into decisions (shop, customer, message_id, at, outcome, reason, detail, policy_version)
        select e.shop, e.customer, e.message_id, e.at, 'suppress', e.reason, :detail,
            coalesce((select max(p.version) from policies p where p.shop = e.shop), 0)
        from e
        returning shop, customer, message_id, policy_version
        """,
        detail=TAKEN_BACK,
        **_TAKEN_BACK.of((*e.message.key, e.message.about.message_id, e.reason, e.at) for e in ended),
    )
    return _recorded(ended, rows)


async def decide_again(tx: Transaction, missed: Sequence[Ended]) -> list[Ended]:
    """Give leased messages that missed their window back to the sweep; returns those that were still ours."""
    if not missed:
        return []
    # The place under the caps goes with the row; the sweep decides anew, by what is so then.
    rows = await tx.fetch(
        f"""
        with gone as (
            delete from messages m
            using {_MISSED}
            where m.shop = w.shop and m.customer = w.customer and m.message_id = w.message_id
                and m.state = 'leased' and m.lease = w.lease
            returning m.shop, m.customer, m.message_id, w.at
        ), changed as (
            update candidates c set release_at = g.at, outcome = 'hold', reason = :missed, decided_at = g.at
            from gone g where c.shop = g.shop and c.customer = g.customer and c.message_id = g.message_id
        )
        insert into decisions (shop, customer, message_id, at, outcome, reason, until, policy_version)
        select g.shop, g.customer, g.message_id, g.at, 'hold', :missed, g.at,
            coalesce((select max(p.version) from policies p where p.shop = g.shop), 0)
        from gone g
        returning shop, customer, message_id, policy_version
        """,
        missed=MISSED,
        **_MISSED.of((*e.message.key, e.message.about.message_id, e.message.lease, e.at) for e in missed),
    )
    return _recorded(missed, rows)


def _recorded(ended: Sequence[Ended], rows: Sequence[Row[Any]]) -> list[Ended]:
    """Those that were recorded, with the version of the policy that stands there."""
    versions = {(r.shop, r.customer, r.message_id): r.policy_version for r in rows}
    found = ((e, versions.get((*e.message.key, e.message.about.message_id))) for e in ended)
    return [replace(e, policy_version=version) for e, version in found if version is not None]

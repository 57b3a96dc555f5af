"""What a hand-off means for the message, and the facts told about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog

from common.storage.database import Transaction
from messaging.channels.smtp.connection import Handoff
from messaging.decisions import facts
from messaging.delivery.queue.store import Ended, Queued
from messaging.policy.state import Policy

log = structlog.get_logger()
MISSED = "missed_window"
RETRY_AFTER_S = (2.0, 10.0, 60.0, 600.0, 3600.0)
WITHHELD_FIRST_S, WITHHELD_LONGEST_S = 30.0, 3600.0
IN_DOUBT_ATTEMPTS = 2
"""A notice that may have arrived is sent once more, with the same Message-ID, and not a third time."""


def outcome_of(message: Queued, policy: Policy, handoff: Handoff, at: datetime) -> Ended:
    """What a hand-off means for the message: marketing and surveys in doubt are never sent again."""
    match handoff.outcome:
        case "accepted":
            return Ended(message, "sent", at)
        case "refused":
            reason = f"bounced_{handoff.reason}" if handoff.gone else handoff.reason
            return Ended(message, "failed", at, reason=reason)
        case "withheld":
            return withheld(message, handoff, at)
        case "forbidden" if handoff.reason == MISSED:
            return Ended(message, "missed", at, reason=MISSED, tried=False)
        case "forbidden" | "stopped":
            return back(message, at)
        case "unknown":
            return in_doubt(message, policy, at, handoff.reason or "unknown")
        case "later":
            return _try_again(message, policy, at, handoff.reason)


def back(message: Queued, at: datetime) -> Ended:
    """Leased and not tried."""
    return Ended(message, "queued", at, tried=False)


def withheld(message: Queued, handoff: Handoff, at: datetime) -> Ended:
    """Refused for a reason that is not its own: it costs no attempt, and goes later for as long as it is fresh."""
    wait_s = 0.0  # what concerns the server is waited for by the channel's pause
    if handoff.trouble is not None and handoff.trouble.scope == "sender":
        # Half its age: the waits grow without being counted.
        wait_s = min(max((at - message.at).total_seconds() / 2, WITHHELD_FIRST_S), WITHHELD_LONGEST_S)
    return Ended(message, "queued", at, reason=handoff.reason, wait_s=wait_s, tried=False)


def in_doubt(message: Queued, policy: Policy, at: datetime, reason: str) -> Ended:
    """Nobody knows whether it left."""
    again = min(policy.transactional_attempts, IN_DOUBT_ATTEMPTS)
    if message.kind == "transactional" and message.attempts < again:
        return _try_again(message, policy, at, reason)
    return Ended(message, "unknown", at, reason=reason)


def _try_again(message: Queued, policy: Policy, at: datetime, reason: str | None) -> Ended:
    if message.attempts >= policy.transactional_attempts:
        return Ended(message, "failed", at, reason=f"gave_up_{reason}")
    wait_s = RETRY_AFTER_S[min(message.attempts, len(RETRY_AFTER_S)) - 1]
    return Ended(message, "queued", at, reason=reason, wait_s=wait_s)


def has_bounced(ended: Ended) -> bool:
    return ended.state == "failed" and (ended.reason or "").startswith("bounced_")


async def announce(tx: Transaction, ended: Sequence[Ended]) -> None:
    told = []
    for e in ended:
        if e.state == "sent":
            told.append(facts.sent(e.message.about, e.at))
        elif e.state == "failed":
            log.warning("message_failed", reason=e.reason, **followed(e.message))
            told.append(facts.failed(e.message.about, e.reason or "failed", e.at))
        elif e.state == "unknown":
            log.warning("message_in_doubt", reason=e.reason, **followed(e.message))
            told.append(facts.failed(e.message.about, "unknown", e.at))
    await tx.announce(told)


def followed(message: Queued) -> dict[str, str | None]:
    """What a log line about a message bears, so that it is found by the request that caused it."""
    about = message.about
    return {
        "shop": about.shop, "message_id": about.message_id, "flow": about.flow, "correlation_id": about.correlation,
    }  # fmt: skip

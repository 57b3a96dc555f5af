"""What does a hand-off mean for the message, and who is told?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog

from common.db import Transaction
from messaging.channels.smtp import Handoff
from messaging.domain import facts
from messaging.domain.policy import Policy
from messaging.store.queue import Ended, Queued

log = structlog.get_logger()
RETRY_AFTER_S = (2.0, 10.0, 60.0, 600.0, 3600.0)
UNREACHABLE = "unreachable"
"""The reason that a message carries while no mail can be handed over; it costs the message no attempt."""
UNREACHABLE_WAIT_S = 2.0


def outcome_of(message: Queued, policy: Policy, handoff: Handoff, at: datetime) -> Ended:
    """What a hand-off means for the message: marketing and surveys in doubt are never sent again."""
    if handoff.outcome == "accepted":
        return Ended(message, "sent", at)
    if handoff.outcome == "refused":
        reason = f"bounced_{handoff.reason}" if handoff.bounced else handoff.reason
        return Ended(message, "failed", at, reason=reason)
    if handoff.outcome == "unreachable":
        return not_now(message, at)
    if handoff.outcome == "unknown":
        return in_doubt(message, policy, at, handoff.reason or "unknown")
    return _try_again(message, policy, at, handoff.reason)


def back(message: Queued, at: datetime) -> Ended:
    """Leased and not tried."""
    return Ended(message, "queued", at, tried=False)


def not_now(message: Queued, at: datetime) -> Ended:
    return Ended(message, "queued", at, reason=UNREACHABLE, wait_s=UNREACHABLE_WAIT_S, tried=False)


def in_doubt(message: Queued, policy: Policy, at: datetime, reason: str) -> Ended:
    if message.kind == "transactional" and message.attempts < policy.transactional_attempts:
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

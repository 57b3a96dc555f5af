"""The facts announced about messages that came to an end, and what a log line about a message bears."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from common.storage.database import Transaction
from messaging.decisions import facts
from messaging.delivery.state import Ended, Queued
from messaging.delivery.store.endings import TAKEN_BACK

log = structlog.get_logger()


async def announce(tx: Transaction, ended: Sequence[Ended]) -> None:
    """Announce what was sent, failed, was suppressed, is in doubt, or missed its window; what goes back to the queue is
    no fact."""
    announced = []
    for e in ended:
        about, decision = e.message.about, e.decision
        if e.state == "sent":
            announced.append(facts.sent(about, e.at, decision))
        elif e.state == "suppressed":
            announced.append(facts.suppressed(about, e.reason or "", e.at, e.policy_version, TAKEN_BACK, decision))
        elif e.state == "missed":
            announced.append(facts.missed(about, e.at, e.policy_version, decision))
        elif e.state == "failed":
            log.warning("message_failed", reason=e.reason, **followed(e.message))
            announced.append(facts.failed(about, e.reason or "failed", e.at, decision, bounced=e.bounced))
        elif e.state == "unknown":
            log.warning("message_in_doubt", reason=e.reason, **followed(e.message))
            announced.append(facts.failed(about, "unknown", e.at, decision, detail=e.reason))
    await tx.announce(announced)


def followed(message: Queued) -> dict[str, str | None]:
    """What a log line about a message bears, so that it is found by the request that caused it."""
    about = message.about
    return {
        "shop": about.shop,
        "message_id": about.message_id,
        "flow": about.flow,
        "channel": about.channel,
        "correlation_id": about.correlation,
    }

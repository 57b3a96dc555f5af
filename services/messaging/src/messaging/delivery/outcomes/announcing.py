"""The facts announced about messages that came to an end, and what a log line about a message bears."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from common.storage.database import Transaction
from messaging.decisions import facts
from messaging.delivery.state import Ended, Queued

log = structlog.get_logger()


async def announce(tx: Transaction, ended: Sequence[Ended]) -> None:
    """Announce what was sent, failed, was suppressed, or is in doubt; what goes back to the queue is no fact."""
    announced = []
    for e in ended:
        if e.state == "sent":
            announced.append(facts.sent(e.message.about, e.at))
        elif e.state == "suppressed":
            announced.append(facts.suppressed(e.message.about, e.reason or "", e.at))
        elif e.state == "failed":
            log.warning("message_failed", reason=e.reason, **followed(e.message))
            announced.append(facts.failed(e.message.about, e.reason or "failed", e.at))
        elif e.state == "unknown":
            log.warning("message_in_doubt", reason=e.reason, **followed(e.message))
            announced.append(facts.failed(e.message.about, "unknown", e.at))
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

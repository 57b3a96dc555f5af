"""Nothing left after a refusal was known."""

from __future__ import annotations

from collections.abc import Iterator

from messaging.consent.rules import refusal
from messaging.verification.known import not_checked, register_at
from messaging.verification.state import LEAVING, History


def of_permission_when_sent(h: History) -> Iterator[str]:
    """Nothing left later than a lease after a refusal was known; in a replay the decision itself says it all."""
    if h.replay or h.once_merged:
        return
    for m in h.messages.values():
        if m.purpose == "transactional" or m.sent_at is None:
            continue
        if m.address not in (None, h.addresses.get(m.channel)) or not_checked(h, m.channel, m.sent_at):
            continue
        register = register_at(h, m.sent_at - LEAVING)
        held = register.holding(m.channel, m.purpose, m.sent_at - LEAVING)
        refused = refusal(held.state if held else None)
        later = [s for known_at, s in (*h.statements, *h.there) if known_at + LEAVING >= m.sent_at]
        if refused in ("consent_withdrawn", "opted_out") and not later:
            yield f"message {m.message_id} was sent at {m.sent_at.isoformat()}, after {refused} was known"

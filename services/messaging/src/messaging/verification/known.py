"""What was known of consent, and when."""

from __future__ import annotations

from datetime import datetime

from common.events.customers import Channel
from messaging.consent.state import Register, register_of
from messaging.verification.state import SAME_TIME, History


def cuts(h: History, recorded_at: datetime) -> list[datetime]:
    """The instants up to which inputs may have been known to a decision recorded then; surely its own start."""
    times = [
        *(t for t, _ in (*h.statements, *h.there)),
        *(t for t, _, _ in h.conditions if t),
        *(t for t, _ in h.purchases if t),
        *(t for t, _ in h.orders),
    ]
    return [recorded_at, *(t for t in times if recorded_at < t <= recorded_at + SAME_TIME)]


def register_at(h: History, cut: datetime) -> Register:
    """What was known of consent at `cut`."""
    own = (s for known_at, s in h.statements if known_at <= cut)
    return register_of(own, (s for known_at, s in h.there if known_at <= cut), h.addresses)


def not_checked(h: History, channel: Channel, at: datetime) -> bool:
    """Whether what others said about the address of this channel then is not all that is looked at."""
    return channel in h.addresses and (h.crowded or (h.forgotten is not None and at <= h.forgotten))

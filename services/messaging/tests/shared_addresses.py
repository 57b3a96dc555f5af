"""What the tests of shared addresses share: two customer ids with one mailbox."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from common.events.messages import ContactOptedOut

MO = ("Mo@Example.test", "mo@example.test")
DAY = timedelta(days=1)
OUT = ContactOptedOut(channel="email", via="link")


async def two(messaging: Any, **profile: Any) -> None:
    """k3 and k3b, with one mailbox in two writings."""
    for customer, email in zip(("k3", "k3b"), MO, strict=True):
        await messaging.feed(*messaging.known(customer, email=email, **profile))

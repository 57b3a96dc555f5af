"""What the tests of sending share: messages in the queue, and waiting for their end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

STATES = "select flow, state, reason, attempts from messages order by 1, 2"


async def queue_notice_and_offer(messaging: Any, customer: str = "c1", **profile: Any) -> None:
    await messaging.feed(*messaging.known(customer, **profile))
    await messaging.feed(messaging.tier_up(1, customer=customer), messaging.notice("o1", customer=customer))
    await messaging.decide()


async def queue_offers(messaging: Any, customers: Sequence[str]) -> None:
    """One offer for each, decided."""
    for start in range(0, len(customers), 500):
        some = customers[start : start + 500]
        await messaging.feed(*[e for c in some for e in messaging.known(c)])
        await messaging.feed(*[messaging.tier_up(1, customer=c) for c in some])
    await messaging.decide()


async def retry_at_once(messaging: Any) -> None:
    await messaging.rows("update messages set next_try_at = '-infinity' where state = 'queued' returning 1")


async def until(find: Callable[[], Awaitable[Sequence[Any]]]) -> None:
    """Wait, by asking the database, until nothing is found any more."""
    while await find():
        await asyncio.sleep(0.02)

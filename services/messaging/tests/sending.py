"""What the tests of sending share: messages in the queue, and waiting for their end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from common.events.customers import Channel, CustomerRegistered
from messaging.contacts.hashing import Hashing

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


async def known_elsewhere(messaging: Any, shop: str, customer: str, **profile: Any) -> None:
    """A customer of another shop's."""
    registered = messaging.event(CustomerRegistered(revision=1, **profile), f"{customer}-known", customer=customer)
    await messaging.feed(replace(registered, shop=shop, source=f"/shops/{shop}/test"))


async def sent_elsewhere(messaging: Any, shop: str, customer: str, channel: Channel, address: str) -> None:
    """A shop, perhaps another one, has written there now."""
    now = messaging.clock.now()
    await messaging.rows(
        """
        insert into messages (shop, customer, message_id, flow, purpose, rank, channel, at, state, sent_at, address)
        values (:shop, :customer, :message, 'tier', 'marketing', 1, :channel, :at, 'sent', :at, :address) returning 1
        """,
        shop=shop,
        customer=customer,
        message=f"{shop}-{now.isoformat()}",
        channel=channel,
        at=now,
        address=Hashing(messaging.keys).sought(shop, channel, address),
    )


async def retry_at_once(messaging: Any) -> None:
    await messaging.rows("update messages set next_try_at = '-infinity' where state = 'queued' returning 1")


async def until(find: Callable[[], Awaitable[Sequence[Any]]]) -> None:
    """Wait, by asking the database, until nothing is found any more."""
    while await find():
        await asyncio.sleep(0.02)

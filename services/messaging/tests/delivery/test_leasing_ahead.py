"""What is leased beside the desk's own transactions, while a queue is long (decision 0083)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from common.storage.database import Transaction
from messaging.delivery.state import Ready
from messaging.delivery.worker import ahead as ahead_of_desk
from messaging.delivery.worker.ahead import Ahead
from regulars.stack.mailsink import MailSink

from ..sending import queue_offers, until

LONG = 60
"""Messages: several leases of the one worker here, who takes sixteen at a time."""


async def test_a_long_queue_is_sent_once_though_a_lease_ahead_fails(
    messaging: Any, mailsink: MailSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leases beside the desk come while the worker is at work; after one that failed the desk leases by itself."""
    await queue_offers(messaging, [f"c{n}" for n in range(LONG)])
    sender, stopping, ahead = messaging.sender(mailsink.port, workers=1), asyncio.Event(), list[str]()
    lease = sender._take

    async def failing_ahead(tx: Transaction, limit: int, paused: Sequence[str], before: int) -> list[Ready]:
        task = asyncio.current_task()
        if task is not None and task.get_name() == "lease-ahead":
            ahead.append("lease")
            if len(ahead) == 1:
                raise RuntimeError("a lease that fails")
        taken: list[Ready] = await lease(tx, limit, paused, before)
        return taken

    monkeypatch.setattr(sender, "_take", failing_ahead)
    monkeypatch.setattr(ahead_of_desk, "REST_S", 0.0)
    running = asyncio.create_task(sender.run(stopping))
    await until(lambda: messaging.rows("select 1 from messages where state <> 'sent'"))
    stopping.set()
    await running
    assert len(ahead) >= 2
    assert len({m["message_id"] for m in mailsink.mails()}) == mailsink.count == LONG


async def test_what_was_leased_ahead_goes_back_when_the_process_stops(messaging: Any, mailsink: MailSink) -> None:
    await queue_offers(messaging, [f"c{n}" for n in range(LONG)])
    stopping = asyncio.Event()
    running = asyncio.create_task(messaging.sender(mailsink.port, workers=1).run(stopping))
    await until(lambda: messaging.rows("select 1 from messages having count(*) filter (where state = 'sent') < 16"))
    stopping.set()
    await running
    states = dict(await messaging.rows("select state, count(*) from messages group by 1"))
    assert states["sent"] == mailsink.count < LONG
    assert states == {"sent": mailsink.count, "queued": LONG - mailsink.count}
    assert await messaging.rows("select distinct attempts from messages where state = 'queued'") == [(0,)]


async def test_one_lease_at_a_time_and_nothing_of_one_that_is_under_way() -> None:
    goes_on, begun, arrived = asyncio.Event(), list[int](), list[int]()

    async def lease() -> list[Ready]:
        begun.append(1)
        await goes_on.wait()
        return []

    ahead = Ahead(lease, lambda: arrived.append(1))
    ahead.begin()
    ahead.begin()
    assert await ahead.receive(wait=False) == []
    assert ahead.under_way
    goes_on.set()
    assert await ahead.receive(wait=True) == []
    assert (begun, arrived, ahead.under_way) == ([1], [1], False)


async def test_a_message_to_who_is_held_for_a_moment_is_looked_for_again_soon(
    messaging: Any, mailsink: MailSink
) -> None:
    """P4: what an order led to elsewhere is handled just when its notice is queued, and holds the customer."""
    stopping, sender = asyncio.Event(), messaging.sender(mailsink.port, look_every_s=3_600.0)
    running = asyncio.create_task(sender.run(stopping))
    await queue_offers(messaging, ["c1"])
    async with messaging.database.transaction() as tx:
        await tx.lock_customers([("s", "c1")])
        sender.wake()
        await asyncio.sleep(0.05)
    await until(lambda: messaging.rows("select 1 from messages where state <> 'sent'"))
    stopping.set()
    await running
    assert mailsink.count == 1

"""Slow servers: leases are kept, what waits behind goes back, and what may not leave any more does not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from common.events.messages import ContactOptedOut
from messaging.channels.smtp.connection import SmtpConnection, SmtpServer
from messaging.commands.consent import opt_out
from messaging.delivery.store import queue
from messaging.delivery.worker import desk as sending
from messaging.delivery.worker import hands as handing

from ..channels.smtp.servers import Scripted, following
from ..sending import STATES, queue_notice_and_offer, queue_offers, until


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is slow at once, and no permit lasts."""
    monkeypatch.setattr(handing, "SLOW_AFTER_S", 0.0)
    monkeypatch.setattr(sending, "RENEW_EVERY_S", 0.05)
    monkeypatch.setattr(sending, "SURE_S", -1.0)
    monkeypatch.setattr(handing, "SURE_S", -1.0)
    monkeypatch.setattr(queue, "PERMIT_S", 0.2)


@contextlib.asynccontextmanager
async def one_worker(messaging: Any, port: int) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    running = asyncio.create_task(messaging.sender(port, workers=1).run(stopping))
    try:
        yield
    finally:
        stopping.set()
        await running


@pytest.mark.usefixtures("impatient")
async def test_a_slow_hand_off_keeps_its_lease_and_what_waits_behind_it_goes_back(messaging: Any) -> None:
    await queue_offers(messaging, ["c1", "c2", "c3", "c4"])
    server = Scripted()
    server.slow["TEXT"] = asyncio.Event()
    async with following(server) as port, one_worker(messaging, port):
        await server.reached.wait()
        await until(lambda: messaging.rows("select 1 from messages where state = 'leased' offset 1"))
        expiring = "update messages set lease_until = clock_timestamp() + interval '1 second' where state = 'leased'"
        await messaging.rows(f"{expiring} returning 1")
        kept = "lease_until > clock_timestamp() + interval '30 seconds'"
        await until(lambda: messaging.rows(f"select 1 from messages where state = 'leased' and not {kept}"))
        assert await messaging.rows("select state, attempts, count(*) from messages group by 1, 2 order by 1") == [
            ("leased", 1, 1),
            ("queued", 0, 3),
        ]
        server.slow["TEXT"].set()
        await until(lambda: messaging.rows("select 1 from messages where state <> 'sent'"))
    assert len(server.texts) == 4


@pytest.mark.usefixtures("impatient")
async def test_an_opt_out_is_answered_while_a_server_thinks_and_nothing_leaves_afterwards(messaging: Any) -> None:
    """MSG-009: the text has not gone yet, and does not go any more."""
    await queue_offers(messaging, ["c1"])
    server = Scripted()
    server.slow["RCPT"] = asyncio.Event()
    async with following(server) as port, one_worker(messaging, port):
        await server.reached.wait()
        await opt_out(messaging.database, ("s", "c1"), ContactOptedOut(channel="email", via="link"))
        assert await messaging.rows("select state, recalled from messages") == [("leased", True)]
        server.slow["RCPT"].set()
        await until(lambda: messaging.rows("select 1 from messages where state <> 'suppressed'"))
    assert server.texts == []
    assert await messaging.rows(STATES) == [("tier", "suppressed", "opted_out", 0)]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
async def test_an_offer_whose_window_closes_during_the_dialogue_waits_for_the_next(messaging: Any, verb: str) -> None:
    """MSG-001: decided when it would leave. The notice beside it has no window, and leaves."""
    await queue_notice_and_offer(messaging)
    server = Scripted()
    async with following(server) as port:
        connection, sender = SmtpConnection(SmtpServer("127.0.0.1", port)), messaging.sender(port)
        server.slow[verb] = asyncio.Event()
        step = asyncio.create_task(sender.step(connection))
        await server.reached.wait()
        messaging.clock.instant += timedelta(hours=1)  # 11:00: the window closes
        server.slow[verb].set()
        await step
        await connection.close()
    assert len(server.texts) == 1
    assert await messaging.rows(STATES) == [("order_shipped", "sent", None, 1)]
    assert await messaging.rows("select flow, outcome, reason from candidates where outcome = 'hold'") == [
        ("tier", "hold", "missed_window")
    ]


async def test_the_last_offer_of_a_chunk_is_judged_when_its_turn_comes(messaging: Any) -> None:
    await queue_offers(messaging, ["c1", "c2"])
    server = Scripted()
    async with following(server) as port:
        connection, sender = SmtpConnection(SmtpServer("127.0.0.1", port)), messaging.sender(port)
        server.slow["TEXT"] = asyncio.Event()
        step = asyncio.create_task(sender.step(connection))
        await server.reached.wait()
        messaging.clock.instant += timedelta(hours=1)
        server.slow["TEXT"].set()
        await step
        await connection.close()
    assert len(server.texts) == 1
    assert server.heard.count("MAIL") == 1
    assert await messaging.rows("select outcome, reason, count(*) from candidates group by 1, 2 order by 1") == [
        ("hold", "missed_window", 1),
        ("send", "allowed", 1),
    ]

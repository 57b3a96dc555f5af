"""Messages that may have arrived: lost replies, and senders that died."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from messaging.channels.smtp.connection import SmtpConnection, SmtpServer
from messaging.jobs.expiring import end_expired
from regulars.stack.mailsink import MailSink
from regulars.testing import scaled

from ..channels.smtp.servers import Forgetful, LostReplies, listening
from ..sending import STATES, queue_notice_and_offer, queue_offers, retry_at_once, until


async def test_an_offer_in_doubt_is_never_sent_again_a_notice_is(messaging: Any) -> None:
    """M1: `unknown` is a state; marketing never resent (MSG-057), a notice once more, with the same Message-ID."""
    server = LostReplies()
    await queue_notice_and_offer(messaging)
    async with listening(server) as port:
        connection = SmtpConnection(SmtpServer("127.0.0.1", port))
        sender = messaging.sender(port)
        try:
            await sender.step(connection)
            assert await messaging.rows(STATES) == [
                ("order_shipped", "queued", "no_reply", 1),
                ("tier", "unknown", "no_reply", 1),
            ]
            for _ in range(8):
                await retry_at_once(messaging)
                await sender.step(connection)
        finally:
            await connection.close()
    assert await messaging.rows(STATES) == [
        ("order_shipped", "unknown", "no_reply", 2),
        ("tier", "unknown", "no_reply", 1),
    ]
    assert len(server.taken) == 3


async def test_what_a_killed_sender_had_leased_comes_to_an_end(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    """M1: started ones are in doubt: the offer stays unknown, the notice is sent again. Others just go back."""
    await queue_notice_and_offer(messaging)
    sender = messaging.sender(mailsink.port)
    await messaging.feed(*messaging.known("c2"), messaging.tier_up(1, customer="c2"))
    await messaging.decide()
    async with messaging.database.transaction() as tx:
        notice, offer, _not_started = await sender.take(tx)
        assert len(await sender.start(tx, [notice, offer])) == 2
    async with messaging.database.transaction() as tx:
        assert await end_expired(tx) == 0, "the lease still runs"
    await messaging.rows("update messages set lease_until = now() - interval '1 second' returning 1")
    async with messaging.database.transaction() as tx:
        assert await end_expired(tx) == 3
    await retry_at_once(messaging)
    await sender.step(connection)
    assert await messaging.rows(STATES) == [
        ("order_shipped", "sent", None, 2),
        ("tier", "sent", None, 1),
        ("tier", "unknown", "sender_died", 1),
    ]


@pytest.mark.timeout(3600)
async def test_lost_replies_make_no_offer_leave_twice(messaging: Any) -> None:
    """M1, MSG-057: what may have arrived is `unknown`, and stays so; the others are sent, and each arrived once."""
    lost = scaled(30, 1_000)
    customers = [f"c{n:05}" for n in range(2 * lost)]
    await queue_offers(messaging, customers)
    server = Forgetful(0)
    async with listening(server) as port:
        stopping = asyncio.Event()
        running = asyncio.create_task(messaging.sender(port).run(stopping))
        await until(lambda: messaging.rows("select 1 from messages where state in ('queued', 'leased')"))
        stopping.set()
        await running
    assert server.received == Counter(customers)
    assert await messaging.rows("select state, reason, count(*) from messages group by 1, 2 order by 1") == [
        ("sent", None, lost),
        ("unknown", "no_reply", lost),
    ]

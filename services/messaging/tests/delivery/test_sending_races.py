"""Senders at work, opt-outs and the end of the process do not get in each other's way. Six workers at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from common.events.messages import ContactOptedOut
from messaging.commands.consent import opt_out
from regulars.stack.mailsink import MailSink
from regulars.testing import scaled

from ..channels.smtp.servers import Silent, SlowServer, listening
from ..sending import queue_notice_and_offer, queue_offers, until


class Held(SlowServer):
    """With ten mails it waits until it may go on: until somebody has opted out before theirs came."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(wait_s)
        self.has_ten, self.goes_on = asyncio.Event(), asyncio.Event()

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if sum(self.received.values()) >= 10:
            self.has_ten.set()
            await self.goes_on.wait()
        return await super().handle_RCPT(server, session, envelope, address, options)


@pytest.mark.timeout(3600)
async def test_no_hand_off_after_the_opt_out_was_answered(messaging: Any) -> None:
    """M2, MSG-009, SEC-005: opt-outs race with six senders; what the server has at the answer is all it ever gets."""
    races = scaled(90, 10_000)
    customers = [f"c{n:05}" for n in range(races)]
    first, last = customers[:5], customers[-5:]
    await queue_offers(messaging, customers)
    at_answer: dict[str, int] = {}
    server = Held(scaled(30, 5) / 1000)

    async def leave(customer: str) -> None:
        await opt_out(messaging.database, ("s", customer), ContactOptedOut(channel="email", via="link"))
        at_answer[customer] = server.received[customer]

    async def leave_in_turn(some: Sequence[str]) -> None:
        for customer in some:
            await leave(customer)
            if customer not in first and not at_answer[customer]:
                server.goes_on.set()

    async with listening(server) as port:
        await leave_in_turn(first)
        stopping = asyncio.Event()
        running = asyncio.create_task(messaging.sender(port).run(stopping))
        # In the order of sending and against it: each meets queued, leased and leaving messages, and those sent.
        ids = "select customer from messages where state = 'queued' order by rank, at, message_id"
        order = [c for (c,) in await messaging.rows(ids) if c not in last]
        racing = [*order, *(c for c in customers[5:-5] if c not in set(order))]
        await server.has_ten.wait()
        await asyncio.gather(*(leave_in_turn(racing[n::8][:: (-1) ** n]) for n in range(8)))
        await until(lambda: messaging.rows("select 1 from messages where state in ('queued', 'leased')"))
        await leave_in_turn(last)
        stopping.set()
        await running
    handed = sum(server.received.values())
    assert {c: server.received[c] for c in customers} == at_answer
    assert all(at_answer[c] == 0 for c in first)
    assert all(at_answer[c] == 1 for c in last)
    ended = dict(await messaging.rows("select state, count(*) from messages group by 1"))
    assert ended == {"sent": handed, "suppressed": races - handed}
    assert len(last) < handed < races - len(first), "both were first at times, or it was no race"


async def test_six_workers_send_everything_once_and_stop_with_nothing_leased(
    messaging: Any, mailsink: MailSink
) -> None:
    for n in range(60):
        await messaging.feed(*messaging.known(f"c{n}"), messaging.notice("o1", customer=f"c{n}"))
    await messaging.decide()
    stopping = asyncio.Event()
    running = asyncio.create_task(messaging.sender(mailsink.port).run(stopping))
    await until(lambda: messaging.rows("select 1 from messages having count(*) filter (where state = 'sent') < 20"))
    stopping.set()
    await running
    states = dict(await messaging.rows("select state, count(*) from messages group by 1"))
    assert states.get("leased", 0) == 0
    assert states["sent"] == mailsink.count, states
    again = asyncio.Event()
    running = asyncio.create_task(messaging.sender(mailsink.port).run(again))
    await until(lambda: messaging.rows("select 1 from messages where state <> 'sent'"))
    again.set()
    await running
    assert mailsink.count == 60
    assert len({m["message_id"] for m in mailsink.mails()}) == 60


async def test_a_server_that_is_silent_does_not_hold_up_the_end(messaging: Any) -> None:
    """R9: what the server has not been given goes back at once, and counts as not tried."""
    await queue_notice_and_offer(messaging)
    server = Silent()
    async with listening(server) as port:
        stopping = asyncio.Event()
        running = asyncio.create_task(messaging.sender(port).run(stopping))
        await server.asked.wait()
        stopping.set()
        await running
    assert await messaging.rows("select state, attempts from messages") == [("queued", 0), ("queued", 0)]

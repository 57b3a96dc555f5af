"""Does each message leave once, in time, and is its end recorded? Against a real SMTP server and PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP

from common.events.messages import ContactOptedOut
from messaging.api import opt_out
from messaging.channels.smtp import SmtpConnection
from regulars.stack.mailsink import MailSink

from .conftest import scaled

DAY = timedelta(days=1)
STATES = "select flow, state, reason, attempts from messages order by 1, 2"


@pytest_asyncio.fixture
async def connection(mailsink: MailSink) -> AsyncIterator[SmtpConnection]:
    made = SmtpConnection("127.0.0.1", mailsink.port, timeout_s=3)
    yield made
    await made.close()


async def queue_notice_and_offer(messaging: Any, customer: str = "c1", **profile: Any) -> None:
    await messaging.feed(*messaging.known(customer, **profile))
    await messaging.feed(messaging.tier_up(1, customer=customer), messaging.notice("o1", customer=customer))
    await messaging.decide()


async def retry_at_once(messaging: Any) -> None:
    await messaging.rows("update messages set next_try_at = '-infinity' where state = 'queued' returning 1")


async def test_a_message_arrives_with_its_text_and_one_click_headers(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    """RFC 8058, MSG-009, SEC-005: offers carry the link; notices do not, and go first. MSG-016, its e-mail."""
    await queue_notice_and_offer(messaging)
    assert await messaging.sender(mailsink.port).step(connection) == 2
    notice, offer = mailsink.mails()
    assert notice["to"] == ["c1@example.test"]
    assert "Name of c1" in notice["text"]
    headers = {k.lower(): v for k, v in dict(notice["headers"]).items()}
    assert "list-unsubscribe" not in headers
    headers = {k.lower(): v for k, v in dict(offer["headers"]).items()}
    assert headers["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    link = headers["list-unsubscribe"].strip("<>")
    assert link in offer["text"]
    assert messaging.links.read(link.rsplit("/", 1)[1]).customer == "c1"
    assert headers["date"] == "Tue, 04 Mar 2025 02:00:00 +0000"
    ids = await messaging.rows("select message_id from messages order by rank")
    assert [i for (i,) in ids] == [m["message_id"].strip("<>").split("@")[0] for m in (notice, offer)]
    assert await messaging.rows(STATES) == [("order_shipped", "sent", None, 1), ("tier", "sent", None, 1)]
    assert await messaging.rows("select count(*) from outbox where type = 'message.sent'") == [(2,)]


async def test_an_address_that_is_gone_for_good_gets_nothing_more_until_there_is_another(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    """550: failed, bounced for good; notices too are kept from it; a new address is written to."""
    mailsink.refused = {"c1@example.test": "550 5.1.1 no such user"}
    sender = messaging.sender(mailsink.port)
    await messaging.feed(*messaging.known(), messaging.notice("o1"))
    await messaging.decide()
    await sender.step(connection)
    assert await messaging.rows(STATES) == [("order_shipped", "failed", "bounced_smtp_550", 1)]
    await messaging.feed(messaging.notice("o2"))
    await messaging.decide()
    assert ("suppress", "bounced") in await messaging.outcomes()
    mailsink.refused = {}
    await messaging.feed(*messaging.known(email="new@example.test", revision=2), messaging.notice("o3"))
    await messaging.decide()
    await sender.step(connection)
    assert [m["to"] for m in mailsink.mails()] == [["new@example.test"]]


async def test_a_greylisted_message_is_tried_again_and_leaves_once(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    """451: nothing was taken, so an offer too may be tried again, within its window (MSG-057, XCT-006: retry)."""
    mailsink.refused = {"c1@example.test": "451 4.7.1 try later"}
    sender = messaging.sender(mailsink.port)
    await queue_notice_and_offer(messaging)
    await sender.step(connection)
    waiting = [("order_shipped", "queued", "smtp_451", 1), ("tier", "queued", "smtp_451", 1)]
    assert await messaging.rows(STATES) == waiting
    assert await sender.step(connection) == 0, "not before its time"
    mailsink.refused = {}
    await retry_at_once(messaging)
    await sender.step(connection)
    assert await messaging.rows(STATES) == [("order_shipped", "sent", None, 2), ("tier", "sent", None, 2)]
    assert mailsink.count == 2


async def test_after_the_last_attempt_a_message_fails_and_is_told(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    mailsink.refused = {"c1@example.test": "451 4.7.1 try later"}
    await messaging.feed(*messaging.known(), messaging.notice("o1"))
    await messaging.decide()
    sender = messaging.sender(mailsink.port)
    for _ in range(6):
        await retry_at_once(messaging)
        await sender.step(connection)
    assert await messaging.rows(STATES) == [("order_shipped", "failed", "gave_up_smtp_451", 6)]
    assert await messaging.rows("select count(*) from outbox where type = 'message.failed'") == [(1,)]


async def until(find: Callable[[], Awaitable[Sequence[Any]]]) -> None:
    """Wait, by asking the database, until nothing is found any more."""
    while await find():
        await asyncio.sleep(0.02)


class LostReplies:
    """A server that takes the mail and hangs up without an answer."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        self.taken.append(envelope.rcpt_tos[0])
        assert isinstance(server.transport, asyncio.Transport)
        server.transport.abort()
        return "250 OK"


async def test_an_offer_in_doubt_is_never_sent_again_a_notice_is(messaging: Any) -> None:
    """M1: `unknown` is a state; marketing never resent (MSG-057), transactional by policy, with the same Message-ID."""
    server = LostReplies()
    listening = await asyncio.get_running_loop().create_server(partial(SMTP, server), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    connection = SmtpConnection("127.0.0.1", port, timeout_s=3)
    try:
        await queue_notice_and_offer(messaging)
        sender = messaging.sender(port)
        await sender.step(connection)
        assert await messaging.rows(STATES) == [
            ("order_shipped", "queued", "no_reply", 1), ("tier", "unknown", "no_reply", 1),
        ]  # fmt: skip
        for _ in range(8):
            await retry_at_once(messaging)
            await sender.step(connection)
        assert await messaging.rows(STATES) == [
            ("order_shipped", "unknown", "no_reply", 6), ("tier", "unknown", "no_reply", 1),
        ]  # fmt: skip
        assert len(server.taken) == 7
    finally:
        await connection.close()
        listening.close()


async def test_while_no_server_answers_messages_wait_without_losing_an_attempt(
    messaging: Any, unused_tcp_port: int
) -> None:
    """XCT-006: an e-mail system that is away loses nothing."""
    await queue_notice_and_offer(messaging)
    connection = SmtpConnection("127.0.0.1", unused_tcp_port, timeout_s=3)
    await messaging.sender(unused_tcp_port).step(connection)
    assert await messaging.rows(STATES) == [
        ("order_shipped", "queued", "unreachable", 0), ("tier", "queued", "unreachable", 0),
    ]  # fmt: skip


async def test_an_offer_that_missed_its_window_is_judged_again(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    """M7, MSG-008: of a backlog notices alone leave outside the windows; an offer gives back its place in the cap."""
    await queue_notice_and_offer(messaging)
    messaging.clock.instant += timedelta(hours=1, minutes=30)  # 11:30
    await messaging.sender(mailsink.port).step(connection)
    assert [m["to"] for m in mailsink.mails()] == [["c1@example.test"]]
    assert await messaging.rows("select flow, state from messages") == [("order_shipped", "sent")]
    await messaging.decide()
    assert await messaging.rows("select flow, outcome, reason from candidates where outcome <> 'send'") == [
        ("tier", "hold", "window")
    ]
    messaging.clock.instant += timedelta(hours=3)
    await messaging.decide()
    await messaging.sender(mailsink.port).step(connection)
    assert mailsink.count == 2


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
        assert await sender.end_expired(tx) == 0, "the lease still runs"
    await messaging.rows("update messages set lease_until = now() - interval '1 second' returning 1")
    async with messaging.database.transaction() as tx:
        assert await sender.end_expired(tx) == 3
    await retry_at_once(messaging)
    await sender.step(connection)
    assert await messaging.rows(STATES) == [
        ("order_shipped", "sent", None, 2), ("tier", "sent", None, 1), ("tier", "unknown", "sender_died", 1),
    ]  # fmt: skip


async def test_an_opt_out_takes_back_what_is_queued_and_lets_notices_go(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    """MSG-009, SEC-005, MSG-008: effective when answered, kept until consent is given anew."""
    await queue_notice_and_offer(messaging)
    out = ContactOptedOut(channel="email", via="api")
    assert await opt_out(messaging.database, ("s", "c1"), out) == 1
    await messaging.sender(mailsink.port).step(connection)
    assert await messaging.rows("select flow, state, reason from messages order by 1") == [
        ("order_shipped", "sent", None), ("tier", "suppressed", "opted_out"),
    ]  # fmt: skip
    told = await messaging.rows("select type from outbox where type not like 'message.sent' order by seq")
    assert told == [("contact.opted_out",), ("message.suppressed",)]


class SlowServer:
    """Takes its time at RCPT, so that what was leased has not left yet when somebody opts out."""

    def __init__(self, wait_s: float) -> None:
        self.received: Counter[str] = Counter()
        self._wait_s = wait_s

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        await asyncio.sleep(self._wait_s)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        self.received[envelope.rcpt_tos[0].partition("@")[0]] += 1
        return "250 OK"


@contextlib.asynccontextmanager
async def listening(handler: Any) -> AsyncIterator[int]:
    """The port of an SMTP server with this handler."""
    server = await asyncio.get_running_loop().create_server(partial(SMTP, handler), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def queue_offers(messaging: Any, customers: Sequence[str]) -> None:
    """One offer for each, decided."""
    for start in range(0, len(customers), 500):
        some = customers[start : start + 500]
        await messaging.feed(*[e for c in some for e in messaging.known(c)])
        await messaging.feed(*[messaging.tier_up(1, customer=c) for c in some])
    await messaging.decide()


@pytest.mark.timeout(3600)
async def test_no_hand_off_after_the_opt_out_was_answered(messaging: Any) -> None:
    """M2, MSG-009, SEC-005: opt-outs race with six senders; what the server has at the answer is all it ever gets."""
    races = scaled(90, 10_000)
    customers = [f"c{n:05}" for n in range(races)]
    first, last = customers[:5], customers[-5:]
    await queue_offers(messaging, customers)
    at_answer: dict[str, int] = {}
    server = SlowServer(scaled(30, 5) / 1000)

    async def leave(customer: str) -> None:
        await opt_out(messaging.database, ("s", customer), ContactOptedOut(channel="email", via="link"))
        at_answer[customer] = server.received[customer]

    async def leave_in_turn(some: Sequence[str]) -> None:
        for customer in some:
            await leave(customer)

    async with listening(server) as port:
        await leave_in_turn(first)
        stopping = asyncio.Event()
        running = asyncio.create_task(messaging.sender(port).run(stopping))
        # In the order of sending and against it: each meets queued, leased and leaving messages, and those sent.
        ids = "select customer from messages where state = 'queued' order by rank, at, message_id"
        order = [c for (c,) in await messaging.rows(ids) if c not in last]
        racing = [*order, *(c for c in customers[5:-5] if c not in set(order))]
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


class Forgetful(SlowServer):
    """Takes every mail; of every second one it never says so, and hangs up."""

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        reply = await super().handle_DATA(server, session, envelope)
        if sum(self.received.values()) % 2:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return reply


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
        ("sent", None, lost), ("unknown", "no_reply", lost),
    ]  # fmt: skip


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
    assert states["sent"] == mailsink.count
    again = asyncio.Event()
    running = asyncio.create_task(messaging.sender(mailsink.port).run(again))
    await until(lambda: messaging.rows("select 1 from messages where state <> 'sent'"))
    again.set()
    await running
    assert mailsink.count == 60
    assert len({m["message_id"] for m in mailsink.mails()}) == 60


class Silent:
    """Never says whether it takes mail for this address."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        self.asked.set()
        await asyncio.Event().wait()
        return "250 OK"


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


async def test_a_replay_sends_with_the_time_of_the_decision(
    replayed: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    await replayed.feed(*replayed.known(), replayed.tier_up(1))
    replayed.clock.set(replayed.clock.now() + 30 * DAY)
    await replayed.decide()
    await replayed.sender(mailsink.port).step(connection)
    assert await replayed.rows("select at = sent_at, sent_at from messages") == [
        (True, replayed.clock.now() - 30 * DAY)
    ]
    headers = {k.lower(): v for k, v in dict(mailsink.mails()[0]["headers"]).items()}
    assert headers["date"] == "Tue, 04 Mar 2025 02:00:00 +0000"

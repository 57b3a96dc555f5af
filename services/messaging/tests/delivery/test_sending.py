"""Each message leaves once, in time, and its end is recorded. Against a real SMTP server and PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from common.events.messages import ContactOptedOut
from messaging.channels.smtp.connection import SmtpConnection, SmtpServer
from messaging.commands.consent import opt_out
from regulars.stack.mailsink import MailSink

from ..sending import STATES, queue_notice_and_offer, retry_at_once

DAY = timedelta(days=1)


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
    assert await messaging.rows(STATES) == [("order_shipped", "failed", "bounced_smtp_550_5.1.1", 1)]
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
    waiting = [("order_shipped", "queued", "smtp_451_4.7.1", 1), ("tier", "queued", "smtp_451_4.7.1", 1)]
    assert await messaging.rows(STATES) == waiting
    assert await sender.step(connection) == 0, "not before its time"
    mailsink.refused = {}
    await retry_at_once(messaging)
    await sender.step(connection)
    assert await messaging.rows(STATES) == [("order_shipped", "sent", None, 2), ("tier", "sent", None, 2)]
    assert mailsink.count == 2


async def test_after_the_last_attempt_a_message_fails_and_is_announced(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    mailsink.refused = {"c1@example.test": "451 4.7.1 try later"}
    await messaging.feed(*messaging.known(), messaging.notice("o1"))
    await messaging.decide()
    sender = messaging.sender(mailsink.port)
    for _ in range(6):
        await retry_at_once(messaging)
        await sender.step(connection)
    assert await messaging.rows(STATES) == [("order_shipped", "failed", "gave_up_smtp_451_4.7.1", 6)]
    assert await messaging.rows("select count(*) from outbox where type = 'message.failed'") == [(1,)]


async def test_while_no_server_answers_messages_wait_without_losing_an_attempt(
    messaging: Any, unused_tcp_port: int
) -> None:
    """XCT-006: an e-mail system that is away loses nothing."""
    await queue_notice_and_offer(messaging)
    connection = SmtpConnection(SmtpServer("127.0.0.1", unused_tcp_port))
    await messaging.sender(unused_tcp_port).step(connection)
    assert await messaging.rows(STATES) == [
        ("order_shipped", "queued", "connection_refused", 0),
        ("tier", "queued", None, 0),
    ]


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


async def test_an_opt_out_takes_back_what_is_queued_and_lets_notices_go(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    """MSG-009, SEC-005, MSG-008: effective when answered, kept until consent is given anew."""
    await queue_notice_and_offer(messaging)
    out = ContactOptedOut(channel="email", via="api")
    assert await opt_out(messaging.database, ("s", "c1"), out) == 1
    await messaging.sender(mailsink.port).step(connection)
    assert await messaging.rows("select flow, state, reason from messages order by 1") == [
        ("order_shipped", "sent", None),
        ("tier", "suppressed", "opted_out"),
    ]
    announced = await messaging.rows("select type from outbox where type not like 'message.sent' order by seq")
    assert announced == [("contact.opted_out",), ("message.suppressed",)]


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

"""An open complaint pauses the customer's marketing at once, and nothing else. On a real PostgreSQL and SMTP server."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from messaging.channels.smtp.connection import SmtpConnection
from regulars.stack.mailsink import MailSink

from .sending import queue_notice_and_offer
from .some_days import complaint

HOUR = timedelta(hours=1)


async def test_marketing_waits_while_a_complaint_is_open_and_goes_when_it_is_resolved(messaging: Any) -> None:
    """FBK-025, issue 16: complaint open, messaging pauses; looked at again every hour."""
    begun = messaging.clock.now()
    await messaging.feed(*messaging.known(), messaging.event(complaint(1, is_open=True), "t1-1", begun))
    await messaging.feed(messaging.tier_up(1), messaging.notice("o1"))
    await messaging.decide()
    assert await messaging.outcomes() == [("hold", "complaint_open"), ("send", "allowed")]
    assert await messaging.rows("select release_at from candidates where outcome = 'hold'") == [(begun + HOUR,)]
    messaging.clock.instant = begun + HOUR
    await messaging.decide()
    held = await messaging.rows("select count(*) from outbox where type = 'message.held'")
    assert held == [(1,)], "what goes on waiting is announced once"
    await messaging.feed(messaging.event(complaint(2, is_open=False), "t1-2", messaging.clock.now()))
    messaging.clock.instant = begun + 2 * HOUR - timedelta(minutes=1)
    await messaging.decide()
    assert ("hold", "complaint_open") in await messaging.outcomes(), "it is not looked at before its hour"
    messaging.clock.instant = begun + 4.5 * HOUR  # 14:30, when a window opens
    await messaging.decide()
    assert await messaging.outcomes() == [("send", "allowed"), ("send", "allowed")]


async def test_what_is_queued_is_taken_back_by_a_complaint_and_a_notice_goes(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    """At hand-off it is looked at once more."""
    await queue_notice_and_offer(messaging)
    await messaging.feed(messaging.event(complaint(1, is_open=True), "t1-1", messaging.clock.now()))
    await messaging.sender(mailsink.port).step(connection)
    await messaging.decide()
    assert await messaging.rows("select flow, outcome, reason from candidates order by 1") == [
        ("order_shipped", "send", "allowed"),
        ("tier", "hold", "complaint_open"),
    ]
    assert [mail["to"] for mail in mailsink.mails()] == [["c1@example.test"]]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_of_a_ticket_the_newest_revision_counts_in_any_order(messaging: Any, order: tuple[int, ...]) -> None:
    now = messaging.clock.now()
    said = [
        messaging.event(complaint(1, is_open=True), "t1-1", now - 3 * HOUR),
        messaging.event(complaint(2, is_open=False), "t1-2", now - 2 * HOUR),
        messaging.event(complaint(1, is_open=True, of="t2", pauses=False), "t2-1", now - HOUR),
    ]
    await messaging.feed(*messaging.known())
    for n in order:
        await messaging.feed(said[n])
    await messaging.feed(messaging.tier_up(1))
    await messaging.decide()
    assert await messaging.outcomes() == [("send", "allowed")]

"""Messages that left after the instant to which a restore set everything back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from messaging.channels.smtp.connection import SmtpConnection
from regulars.stack.mailsink import MailSink
from regulars.testing import OwnTopics

from ..sending import STATES, queue_notice_and_offer
from ..verification.test_verifying import verify

ANNOUNCED = """
select type, payload::jsonb->'data'->>'flow', (payload::jsonb->>'time')::timestamptz, payload::jsonb->'data'->>'reason'
from outbox where type in ('message.sent', 'message.failed') order by type
"""


async def test_none_leaves_a_second_time_and_each_is_announced_as_what_it_was(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection, topics: OwnTopics
) -> None:
    """M1, MSG-057: what left is sent, what was in doubt stays so, at the time at which it left."""
    await queue_notice_and_offer(messaging)
    await messaging.rows(
        "insert into left_before_restore select shop, customer, message_id,"
        " case when purpose = 'marketing' then 'unknown' else 'sent' end, at + interval '7 seconds' from messages"
        " returning 1"
    )
    times = dict(await messaging.rows("select flow, at from messages"))
    await messaging.sender(mailsink.port).step(connection)
    assert mailsink.count == 0
    assert await messaging.rows(STATES) == [
        ("order_shipped", "sent", None, 0),
        ("tier", "unknown", "before_restore", 0),
    ]
    later = timedelta(seconds=7)
    assert await messaging.rows(ANNOUNCED) == [
        ("message.failed", "tier", times["tier"] + later, "unknown"),
        ("message.sent", "order_shipped", times["order_shipped"] + later, None),
    ]
    assert await verify(messaging, topics) == []


async def test_one_that_did_not_leave_goes(messaging: Any, mailsink: MailSink, connection: SmtpConnection) -> None:
    """MSG-057: a customer of the same id in another shop is somebody else."""
    await queue_notice_and_offer(messaging)
    await messaging.rows(
        "insert into left_before_restore select 'other', customer, message_id, 'sent', at from messages returning 1"
    )
    await messaging.sender(mailsink.port).step(connection)
    assert mailsink.count == 2

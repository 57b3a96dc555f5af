"""Notices of parcels, receipts and broken promises from event to mail. On a real PostgreSQL and SMTP server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from common.events.orders import (
    DeliveryPromiseBroken,
    OrderDelivered,
    OrderLogisticsUpdated,
    OrderReceiptDue,
    OrderShipped,
)
from messaging.channels.smtp.connection import SmtpConnection
from regulars.stack.mailsink import MailSink
from regulars.testing import OwnTopics

from ..verification.test_verifying import verify

FLOWS = "select flow, channel, outcome, reason from candidates order by 1, 2"


def word(status: Any, tracking: str) -> OrderLogisticsUpdated:
    return OrderLogisticsUpdated(order_id="o1", status=status, tracking=tracking, carrier="SF")


async def test_the_newest_word_about_each_parcel_goes_out_and_a_broken_promise_is_owned(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection, topics: OwnTopics
) -> None:
    """MSG-008, MSG-038: an older word never follows a newer one, whatever the customer said about marketing."""
    now = messaging.clock.now()
    minutes = [now - timedelta(minutes=n) for n in (4, 3, 2, 1)]
    await messaging.feed(*messaging.known(consent=False, zone="America/New_York"))
    await messaging.feed(
        messaging.event(word("customs", "SF1"), "l1", minutes[0]),
        messaging.event(word("exception", "SF2"), "l2", minutes[1]),
        messaging.event(word("out_for_delivery", "SF1"), "l3", minutes[2]),
        messaging.event(DeliveryPromiseBroken(order_id="o1", promised_by=now), "p1", minutes[3]),
    )
    await messaging.decide()
    assert await messaging.rows(FLOWS) == [
        ("delivery_late", "email", "send", "allowed"),
        ("parcel_customs", "email", "suppress", "obsolete"),
        ("parcel_exception", "email", "send", "allowed"),
        ("parcel_out_for_delivery", "email", "send", "allowed"),
    ]
    assert await messaging.sender(mailsink.port).step(connection) == 3
    texts = sorted(mail["text"] for mail in mailsink.mails())
    assert any("promised you order o1 by 2025-03-03" in t for t in texts), "the day where the customer is"
    assert any("Tracking number: SF1" in t and "out for delivery" in t for t in texts)
    assert await verify(messaging, topics) == []


async def test_what_waits_is_not_sent_once_the_order_has_arrived_or_was_confirmed(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    now = messaging.clock.now()
    state: dict[str, Any] = {"order_id": "o1", "currency": "CNY", "goods_paid": 100}
    await messaging.feed(*messaging.known())
    await messaging.feed(
        messaging.event(word("out_for_delivery", "SF1"), "l1", now),
        messaging.event(
            OrderReceiptDue(order_id="o1", delivered_at=now, completes_at=now + timedelta(days=2)), "r1", now
        ),
    )
    await messaging.decide()
    await messaging.feed(messaging.event(OrderDelivered(state="delivered", revision=3, **state), "d1", now))
    await messaging.sender(mailsink.port).step(connection)
    assert [m["text"].split("on ")[-1].split(".")[0] for m in mailsink.mails()] == ["2025-03-06"]
    assert await messaging.rows("select flow, state from messages order by 1") == [
        ("order_receipt_due", "sent"),
        ("parcel_out_for_delivery", "suppressed"),
    ]


async def test_a_correction_makes_no_second_notice_on_a_channel_that_the_policy_names_since(messaging: Any) -> None:
    """ORD-031: `again` notifies nobody once more."""
    await messaging.feed(*messaging.known(), messaging.notice("o1"))
    async with messaging.client() as client:
        answer = await client.put("/v1/shops/s/policy", json={"policy": {"channels": ["email", "chat"]}})
        assert answer.status_code == 200, answer.text
    messaging.clock.instant += timedelta(minutes=1)
    corrected = OrderShipped(
        order_id="o1", state="shipped", currency="CNY", goods_paid=100, tracking="SF9", revision=2, again=True
    )
    await messaging.feed(messaging.event(corrected, "v2", messaging.clock.now()))
    assert [row[:2] for row in await messaging.rows(FLOWS)] == [("order_shipped", "email")]

"""Bounces and complaints by mail (M4, MSG-009, MSG-062, SEC-011): read and heeded. On a real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events.customers import CustomerErased
from messaging.channels.protocol import Letter
from messaging.channels.smtp.channel import SmtpChannel
from messaging.channels.smtp.connection import SmtpConnection, SmtpServer
from messaging.channels.smtp.parsing import LARGEST
from messaging.channels.smtp.reports import Report, read
from messaging.delivery.receipts.links import GatewayLinks
from regulars.stack.mailsink import MailSink
from regulars.testing import OwnTopics

from ...conftest import MASTER, TUESDAY_TEN
from ...sending import queue_notice_and_offer
from ...test_rebuild import TABLES, announced, kept, rebuild
from ...verification.test_verifying import verify
from .reports_of import COMPLAINT, HEADERS_ALONE, POSTFIX, written

LINKS = GatewayLinks(MASTER, "https://shop.example")
LONG = "r" * 90


@pytest.mark.parametrize(
    ("raw", "said", "code"),
    [
        (written(POSTFIX, LONG, "5.1.1"), "undelivered", "5.1.1"),
        (written(HEADERS_ALONE, LONG, "5.7.1"), "undelivered", "5.7.1"),
        (written(POSTFIX, LONG, "4.4.1", "delayed"), None, ""),
        (written(POSTFIX, LONG, "4.4.7"), "undelivered", "4.4.7"),
        (written(POSTFIX, LONG, "2.0.0", "relayed"), None, ""),
        (written(HEADERS_ALONE, LONG, "2.1.5", "delivered"), "delivered", "2.1.5"),
        (written(HEADERS_ALONE, LONG, "what", "FAILED"), "undelivered", "failed"),
        (written(COMPLAINT, LONG, "abuse"), "complaint", "abuse"),
        (written(COMPLAINT, LONG, "Opt-Out"), "complaint", "opt-out"),
        (written(COMPLAINT, LONG, "not-spam"), None, "not-spam"),
    ],
)
def test_reports_are_read(raw: bytes, said: Any, code: str) -> None:
    assert read(raw) == Report(LONG, said, code)
    assert read(raw.replace(b"\r\n", b"\n")) == Report(LONG, said, code)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00",
        written(POSTFIX, LONG, "5.1.1", header="Message-ID"),
        written(POSTFIX, LONG, "5.1.1").replace(b"multipart/report", b"multipart/mixed"),
        b"Content-Type: multipart/report; boundary=x\r\n\r\n",
        b"Content-Type: message/rfc822\r\n\r\n" * 5_000,
        b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 5_000,
        written(POSTFIX, LONG, "5.1.1") + b" " * LARGEST,
    ],
)
def test_what_is_no_report_about_a_mail_of_ours_is_none(raw: bytes) -> None:
    assert read(raw) is None


@given(st.binary(max_size=400), st.integers(0, 1200))
def test_no_mail_breaks_the_reading(noise: bytes, place: int) -> None:
    whole = written(POSTFIX, LONG, "5.1.1")
    read(whole[:place] + noise + whole[place:])


async def post(messaging: Any, raw: bytes, path: str | None = None) -> int:
    async with messaging.client() as client:
        answer = await client.post(
            path or urlsplit(LINKS.mail_reports).path, content=raw, headers={"content-type": "message/rfc822"}
        )
    return int(answer.status_code)


async def test_a_bounce_that_comes_late_leaves_the_new_address_alone(
    messaging: Any, rebuilt: Any, mailsink: MailSink, connection: SmtpConnection, topics: OwnTopics
) -> None:
    """MSG-057: of an offer and of a notice, for which no address was decided; the old address is blocked."""
    await queue_notice_and_offer(messaging)
    sender = messaging.sender(mailsink.port, receipts=LINKS)
    while await sender.step(connection):
        pass
    ids = dict(await messaging.rows("select flow, message_id from messages"))
    old = await messaging.rows("select address from contact_addresses where channel = 'email'")
    now = messaging.clock.now()
    await messaging.feed(*messaging.known("c1", email="moved@example.test", at=now, revision=7))
    for flow in ("order_shipped", "tier"):
        assert await post(messaging, written(POSTFIX, LINKS.reference("s", ids[flow]), "5.1.1")) == 204
        assert await messaging.rows("select address from bounces") == old
        await messaging.rows("delete from bounces returning 1")
    await messaging.feed(messaging.notice("o2", now))
    await messaging.decide()
    assert ("suppress", "bounced") not in await messaging.outcomes()
    kept_of = "select message_id, address, sent_to from messages where state = 'sent' order by 1"
    await rebuild(rebuilt, [*messaging.fed, *await announced(messaging)], 4)
    assert await rebuilt.rows(kept_of) == await messaging.rows(kept_of)
    assert await rebuilt.rows("select address from bounces") == old
    await messaging.feed(messaging.event(CustomerErased(), "gone", now, customer="c1"))
    assert await messaging.rows("select 1 from messages where coalesce(address, sent_to) is not null") == []
    assert await verify(messaging, topics) == []


async def test_a_bounce_is_a_receipt_and_a_complaint_an_opt_out(
    messaging: Any, rebuilt: Any, mailsink: MailSink, connection: SmtpConnection, topics: OwnTopics
) -> None:
    """MSG-062, M4: each once, whatever is told again; a report that nobody signed does nothing."""
    await queue_notice_and_offer(messaging)
    sender = messaging.sender(mailsink.port, receipts=LINKS)
    while await sender.step(connection):
        pass
    ids = dict(await messaging.rows("select flow, message_id from messages"))
    notice, offer = (LINKS.reference("s", ids[flow]) for flow in ("order_shipped", "tier"))
    for raw in (
        written(POSTFIX, ids["order_shipped"], "5.1.1"),
        written(POSTFIX, notice[:-1], "5.1.1"),
        written(COMPLAINT, LINKS.reference("s", "none-of-ours"), "abuse"),
        b"Subject: hello\r\n\r\nI am a customer\r\n",
        written(POSTFIX, notice, "4.4.1", "delayed"),
    ):
        assert await post(messaging, raw) == 204
    assert await post(messaging, written(POSTFIX, notice, "5.1.1"), "/mail/reports/guessed") == 404
    assert await messaging.rows("select 1 from receipts union all select 1 from bounces") == []
    assert await post(messaging, written(POSTFIX, offer, "4.4.7")) == 204
    assert await messaging.rows("select code from receipts") == [("4.4.7",)], "the server gave up"
    assert await messaging.rows("select 1 from bounces") == [], "and that blocks nothing"
    assert await post(messaging, written(COMPLAINT, offer, "abuse")) == 204
    assert await post(messaging, written(COMPLAINT, offer, "abuse")) == 204
    said = "select purpose, state, via from permissions where via is not null order by 1"
    assert await messaging.rows(said) == [("marketing", "opted_out", "complaint"), ("survey", "opted_out", "complaint")]
    for _ in range(2):
        assert await post(messaging, written(HEADERS_ALONE, notice, "5.1.1")) == 204
    assert await messaging.rows("select message_id, said, code from receipts order by code") == [
        (ids["tier"], "undelivered", "4.4.7"),
        (ids["order_shipped"], "undelivered", "5.1.1"),
    ]
    assert await messaging.rows("select lifted_at from bounces") == [(None,)], "nothing more is written to the address"
    async with messaging.client() as client:
        told = (await client.get(f"/v1/shops/s/messages/{ids['order_shipped']}")).json()
        assert (told["receipt"], told["receipt_code"]) == ("undelivered", "5.1.1")
        assert (await client.get("/ops/mail/callbacks")).json() == {
            "mail_reports": LINKS.mail_reports,
            "mail_answers": LINKS.mail_answers,
        }
    await messaging.feed(messaging.notice("o2"))
    await messaging.decide()
    assert ("suppress", "bounced") in await messaging.outcomes()
    await rebuild(rebuilt, [*messaging.fed, *await announced(messaging)], 4)
    before, after = await kept(messaging), await kept(rebuilt)
    for table in TABLES:
        assert after[table] == before[table], table
    assert await verify(messaging, topics) == []


def test_who_gets_a_mail_has_no_receipt_of_a_gateway_s_in_it() -> None:
    """The name in the header is seen by the recipient, and opens no other address of ours."""
    name = LINKS.reference("s", "m-1")
    assert LINKS.read_reference(name) == ("s", "m-1")
    assert LINKS.read_receipt(name) is None
    assert LINKS.read_reference(urlsplit(LINKS.receipt_url("s", "m-1")).path.rpartition("/")[2]) is None


def test_a_mail_bears_the_signed_name_of_its_message() -> None:
    letter = Letter("m-1", "c1@example.test", "Hello", "Hi\n", TUESDAY_TEN, "Shop", "shop@example.test")
    channel = SmtpChannel(SmtpServer("127.0.0.1", 1))
    assert channel.render(letter).headers == {}
    assert channel.render(replace(letter, reference="signed")).headers == {"X-Regulars-Message": "signed"}

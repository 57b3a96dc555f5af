"""Answers by mail, from the mailbox, raw and as JSON: kept once, told, heeded. On a real PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from common.events import decode
from common.events.customers import CustomerMerged
from messaging.api.mail_answers import MailAnswerIn
from messaging.channels.imap.settings import ImapSettings
from messaging.channels.smtp.connection import SmtpConnection
from messaging.commands import mail_answers
from messaging.delivery.receipts.links import GatewayLinks
from messaging.jobs.collecting import Collector
from messaging.replies.quoted import answer_in
from messaging.replies.store_mailboxes import lease_mailbox, note_mailboxes
from regulars.stack.mailsink import MailSink
from regulars.testing import OwnTopics

from ..channels.imap.servers import ImapServer, imap_server
from ..channels.smtp.reports_of import HEADERS_ALONE, written
from ..conftest import MASTER
from ..sending import known_elsewhere, queue_notice_and_offer, sent_elsewhere
from ..test_rebuild import announced, rebuild
from ..verification.test_verifying import verify
from .mails import mail

LINKS = GatewayLinks(MASTER, "https://shop.example")
KEPT = "select customer, said, channel, message_id from replies order by at, reply_id"
STATES = "select purpose, state from permissions where via = 'mail_reply' order by at, purpose"


@pytest.fixture
def server() -> Iterator[ImapServer]:
    with imap_server() as running:
        yield running


def collector(messaging: Any, server: ImapServer) -> Collector:
    settings = ImapSettings(
        imap_host="127.0.0.1",
        imap_port=server.port,
        imap_tls="off",
        imap_user="shop",
        imap_password=SecretStr("secret"),
        imap_answer_s=5,
    )
    return Collector(messaging.database, messaging.keys, LINKS, settings)


async def written_to(messaging: Any, address: str = "shop@shop.test") -> None:
    """The shop has its answers sent there."""
    async with messaging.client() as client:
        own = {"policy": {"reply_to": address}}
        assert (await client.put("/v1/shops/s/policy", json=own)).status_code == 200


async def post(messaging: Any, body: Any, path: str = LINKS.mail_answers) -> int:
    async with messaging.client() as client:
        url = urlsplit(path).path
        if isinstance(body, str):
            answer = await client.post(url, content=body, headers={"content-type": "application/json"})
        elif isinstance(body, bytes):
            answer = await client.post(url, content=body, headers={"content-type": "message/rfc822"})
        else:
            answer = await client.post(url, json=body)
    return int(answer.status_code)


async def test_answers_are_taken_from_the_mailbox_once(
    messaging: Any, rebuilt: Any, server: ImapServer, mailsink: MailSink, connection: SmtpConnection, topics: OwnTopics
) -> None:
    """MSG-061, FBK-001: of the customer whose mail it answers, or who has the address; programs say nothing."""
    await written_to(messaging)
    await queue_notice_and_offer(messaging)
    sender = messaging.sender(mailsink.port, receipts=LINKS)
    while await sender.step(connection):
        pass
    ids = dict(await messaging.rows("select flow, message_id from messages"))
    offer = f"<{ids['tier']}@regulars.example>"
    quoted = "It is broken.\n\nOn Tue, Shop wrote:\n> Hello Ann\n"
    server.add(mail(quoted, In_Reply_To=offer))
    server.add(b"\xff\xfe")
    server.add(mail("Back on Monday", Auto_Submitted="auto-replied", Message_ID="<a2@x>", In_Reply_To=offer))
    server.add(mail("I am somebody else", From="bob@other.test", Message_ID="<a3@x>", In_Reply_To=offer))
    server.add(written(HEADERS_ALONE, LINKS.reference("s", ids["order_shipped"]), "4.2.2"))
    server.add(mail("A new question", From="C1@Example.test", Message_ID="<a4@x>", Subject="Hello"))
    looking = collector(messaging, server)
    assert not await looking.look()
    told = [("c1", "other", "email", ids["tier"]), ("c1", "other", "email", None)]
    assert sorted(await messaging.rows(KEPT), key=str) == sorted(told, key=str)
    assert await messaging.rows("select said, code from receipts") == [("undelivered", "4.2.2")], "a report is one"
    assert await messaging.rows("select validity, uid, trouble from mailboxes") == [(7, 6, None)]
    # Numbered anew, told by another door, written under another name: the same mail.
    server.validity = 8
    await looking.look()
    assert await post(messaging, mail(quoted, In_Reply_To=offer), LINKS.mail_reports) == 204
    assert len(await messaging.rows(KEPT)) == 2
    facts = await messaging.rows("select payload from outbox where type = 'contact.replied'")
    assert len(facts) == 2
    assert {decode(payload).data.channel for (payload,) in facts} == {"email"}
    assert not any("broken" in str(payload) for (payload,) in facts), "sealed"
    async with messaging.client() as client:
        shown = (await client.get("/v1/shops/s/customers/c1/replies")).json()["replies"]
        assert {(r["text"], r["message_id"]) for r in shown} == {
            ("It is broken.", ids["tier"]),
            ("A new question", None),
        }
        assert len((await client.get("/v1/shops/s/replies")).json()["replies"]) == 2
        (by_mail,) = (await client.get("/v1/shops/s/customers/c1/contact-plan")).json()["channels"]
        assert (by_mail["sent"], by_mail["reacted"]) == (1, 1), "an answer is a reaction (MSG-015)"
    # A server that is in trouble is told to the operator, and read when it is well again.
    server.trouble = "login"
    server.add(mail("One more", Message_ID="<a5@x>"))
    assert not await looking.look()
    async with messaging.database.transaction() as tx:
        note = await note_mailboxes(tx)
        assert note is not None
        assert note.endswith("the login was refused")
        assert await lease_mailbox(tx, looking._name) is not None
        assert await lease_mailbox(tx, looking._name) is None, "one process at a time"
    server.trouble = None
    assert not await looking.look()
    assert len(await messaging.rows(KEPT)) == 2, "another process looks"
    await messaging.rows("update mailboxes set lease_until = '-infinity' returning 1")
    await looking.look()
    assert len(await messaging.rows(KEPT)) == 3
    assert await messaging.rows("select trouble, since from mailboxes") == [(None, None)]
    await rebuild(rebuilt, [*messaging.fed, *await announced(messaging)], 3)
    kept = "select shop, customer, reply_id, at, channel, said, text, message_id from replies order by 3"
    assert await rebuilt.rows(kept) == await messaging.rows(kept)
    assert await verify(messaging, topics) == []


async def test_a_word_opts_out_by_mail_and_in_again(messaging: Any, topics: OwnTopics) -> None:
    """MSG-009, SEC-011: effective when answered, by the word alone, and START opens nothing that was never open."""
    await written_to(messaging)
    await queue_notice_and_offer(messaging)
    ((ours,),) = await messaging.rows("select message_id from messages where flow = 'order_shipped'")
    answer = {"sender": "c1@example.test", "to": ["shop@shop.test"], "subject": "Re: Hello", "text": "x"}
    assert await post(messaging, answer, LINKS.mail_answers[:-1]) == 404
    for text in ("Please do not STOP", "T", "cancel"):
        assert await post(messaging, {**answer, "text": text}) == 204
    assert await post(messaging, {**answer, "text": "STOP", "automatic": True}) == 204
    assert await post(messaging, {**answer, "text": "STOP", "sender": "nobody"}) == 204
    assert await post(messaging, {**answer, "text": "> STOP"}) == 204
    assert await messaging.rows(STATES) == []
    stop = {**answer, "text": "退订\n\n发自我的iPhone", "message_id": "<b1@x>", "attachments": ["a.jpg"]}
    for _ in range(2):
        assert await post(messaging, stop) == 204
    out = [("marketing", "opted_out"), ("survey", "opted_out")]
    granted = [("marketing", "granted"), ("survey", "granted")]
    assert await messaging.rows(STATES) == out
    assert len([r for r in await messaging.rows(KEPT) if r[1] == "out"]) == 1
    messaging.clock.instant += timedelta(minutes=1)
    # Anybody can write a sender's name: START takes an answer to a mail that went there.
    assert await post(messaging, {**answer, "text": "START"}) == 204
    forged = {"In_Reply_To": f"<{ours}@x>", "Authentication_Results": "mx.test; spf=pass; dmarc=fail (p=none)"}
    assert await post(messaging, mail("START", Message_ID="<b3@x>", **forged), LINKS.mail_reports) == 204
    assert await messaging.rows(STATES) == out
    start = {**answer, "text": "START", "message_id": "<b4@x>", "in_reply_to": f"<{ours}@x>"}
    assert await post(messaging, start) == 204
    assert (await messaging.rows(STATES))[2:] == granted
    # A mail that is read again undoes nothing that was said since.
    messaging.clock.instant += timedelta(minutes=1)
    assert await post(messaging, stop) == 204
    assert (await messaging.rows(STATES))[4:] == []
    assert await post(messaging, mail("", Subject="Unsubscribe", Message_ID="<b2@x>"), LINKS.mail_reports) == 204
    assert (await messaging.rows(STATES))[4:] == out, "by the subject, as mail programs do it"
    messaging.clock.instant += timedelta(minutes=1)
    assert await post(messaging, start) == 204
    assert (await messaging.rows(STATES))[6:] == []
    assert await verify(messaging, topics) == []


LONG_ONES = [
    {"references": " ".join(f"<{n:040d}@mail.example.test>" for n in range(80))},
    {"attachments": ["a" * 101] * 21},
    {"text": "STOP\n\n" + "> a line of an old mail\n" * 5_000},
    {"text": "STOP\0\ud83d"},
    {"to": ["shop@shop.test", *[f"x{n}@y.test" for n in range(51)]]},
    {"sender": "Ann <c1@example.test>", "to": ["Shop <shop@shop.test>"]},
]


@pytest.mark.parametrize("given", LONG_ONES)
def test_what_is_too_long_is_cut_and_no_mail_refused(given: dict[str, Any]) -> None:
    """MSG-009: the provider would repeat it, and be refused for ever."""
    body = {"sender": "c1@example.test", "to": ["shop@shop.test"], "text": "STOP", **given}
    read = MailAnswerIn.model_validate(body)
    assert answer_in(read.text) == "STOP"


async def test_a_mail_is_told_again_after_a_merge_and_another_day(messaging: Any) -> None:
    """ORD-040; without a name of its own it is the same for a day."""
    await written_to(messaging)
    await messaging.feed(*messaging.known("ann", email="ann@example.test"))
    question = {"sender": "Ann <ann@example.test>", "to": ["shop@shop.test"], "text": "Where is it?\ud83d"}
    assert await post(messaging, json.dumps({**question, "message_id": "<q1@x>"})) == 204
    await messaging.feed(*messaging.known("zoe", email="zoe@example.test"))
    merged = CustomerMerged(survivor="zoe", absorbed="ann", sequence=1)
    await messaging.feed(messaging.event(merged, "m1", messaging.clock.now(), customer="zoe"))
    assert await post(messaging, json.dumps({**question, "message_id": "<q1@x>"})) == 204
    assert [r[0] for r in await messaging.rows(KEPT)] == ["ann"]
    for told in (1, 1, 2):
        messaging.clock.instant += timedelta(days=told - 1)
        assert await post(messaging, json.dumps(question)) == 204
        assert len(await messaging.rows(KEPT)) == 1 + told


async def test_of_several_shops_the_one_that_was_written_to_is_meant(messaging: Any, monkeypatch: Any) -> None:
    """SEC-001: a word to one shop says nothing to another; where there is one, its mailbox may have any name."""
    await messaging.feed(*messaging.known())
    await written_to(messaging, "Answers@shop.test")
    answer = {"sender": "c1@example.test", "text": "Hello"}
    for to in ([], ["shop@elsewhere.test"], ["answers+7@shop.test"]):
        assert await post(messaging, {**answer, "to": to}) == 204
        assert len(await messaging.rows(KEPT)) == (1 if "answers+7@shop.test" in to else 0)

    async def one(_tx: Any) -> list[str]:
        return ["s"]

    monkeypatch.setattr(mail_answers, "list_shops", one)
    assert await post(messaging, {**answer, "text": "Hello again", "to": ["shop@elsewhere.test"]}) == 204
    assert len(await messaging.rows(KEPT)) == 2


async def test_what_is_written_to_everybodys_address_is_for_the_shop_that_wrote_last(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    """SEC-001: and for no shop that has the mailbox among its customers alone; a word is heeded by all."""
    kept = "select shop, customer, said from replies order by at, shop, said"
    hers = "ann@example.test"

    async def asked(name: str, text: str = "Where is it?", to: str = "no-reply@regulars.example") -> Any:
        messaging.clock.instant += timedelta(minutes=1)
        told = {"sender": hers, "to": [to], "text": text, "message_id": f"<{name}@x>"}
        assert await post(messaging, told) == 204
        return await messaging.rows(kept)

    await known_elsewhere(messaging, "another", "ann", email=hers)
    assert await asked("a1") == [], "nobody wrote to her"
    await messaging.feed(*messaging.known(email=hers), messaging.notice("o1"))
    await messaging.decide()
    assert await asked("a2") == []
    assert await messaging.sender(mailsink.port).step(connection) == 1
    first = ("s", "c1", "other")
    assert await asked("a3") == [first]
    messaging.clock.instant += timedelta(minutes=1)
    await sent_elsewhere(messaging, "another", "ann", "email", hers)
    assert await asked("a3") == [first], "told again it is shown to no second shop"
    second = ("another", "ann", "other")
    assert await asked("a4", to="No-Reply+7@Regulars.example") == [first, second]
    assert await asked("a5", "STOP") == [first, second, ("another", "ann", "out"), ("s", "c1", "out")]


async def test_the_shop_that_wrote_last_may_have_written_under_another_identifier_of_hers(messaging: Any) -> None:
    """ORD-040: a survivor without an address is reached at the absorbed one's, and answers from there."""
    hers = "ann@example.test"
    await messaging.feed(*messaging.known("ann", email=hers))
    await known_elsewhere(messaging, "s", "zoe")
    merged = CustomerMerged(survivor="zoe", absorbed="ann", sequence=1)
    await messaging.feed(messaging.event(merged, "m1", messaging.clock.now(), customer="zoe"))
    await known_elsewhere(messaging, "another", "bea", email=hers)
    await sent_elsewhere(messaging, "another", "bea", "email", hers)
    messaging.clock.instant += timedelta(minutes=1)
    await sent_elsewhere(messaging, "s", "zoe", "email", hers)
    question = {"sender": hers, "to": ["no-reply@regulars.example"], "text": "Where is it?"}
    assert await post(messaging, question) == 204
    assert await messaging.rows("select shop, customer from replies") == [("s", "zoe")]


async def test_a_question_to_two_shops_is_for_the_one_that_is_named_first(messaging: Any) -> None:
    await messaging.feed(*messaging.known())
    await known_elsewhere(messaging, "another", "ann", email="c1@example.test")
    await written_to(messaging, "shop@shop.test")
    async with messaging.client() as client:
        own = {"policy": {"reply_to": "hello@another.test"}}
        assert (await client.put("/v1/shops/another/policy", json=own)).status_code == 200
    to = ["x@y.test", "no-reply@regulars.example", "shop@shop.test", "hello@another.test"]
    assert await post(messaging, {"sender": "c1@example.test", "to": to, "text": "Hello"}) == 204
    assert await messaging.rows(KEPT) == [("c1", "other", "email", None)]

"""Mails that come in, as they are read: charsets, attachments, programs, hostile ones (FBK-001, MSG-061)."""

from __future__ import annotations

import time
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.channels.smtp.parsing import LARGEST
from messaging.channels.smtp.reports import read
from messaging.replies.charsets import decoded
from messaging.replies.mail import automatic_by, read_mail

from .mails import mail


def test_a_mail_is_read() -> None:
    found = read_mail(mail(In_Reply_To="<m-2@shop.test>", References="<m-1@shop.test> <m-2@shop.test>", Cc="x@y.test"))
    assert found is not None
    assert found.sender == "c1@example.test"
    assert found.recipients == ("shop@shop.test", "x@y.test")
    assert found.references == ("m-2@shop.test", "m-1@shop.test"), "the nearest first"
    assert (found.message_id, found.subject) == ("a1@example.test", "Re: Hello")
    assert (found.text, found.attachments, found.automatic) == ("Is it there in green?", (), None)


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; x"},
        {"Precedence": "bulk"},
        {"X_Autoreply": "yes"},
        {"List_Id": "<news.test>"},
        {"Return_Path": "<>"},
        {"From": "MAILER-DAEMON@mx.test"},
        {"From": "no-reply+1@mx.test"},
        {"Subject": "Automatic reply: Hello"},
        {"Subject": "自动回复: 您好"},
        {"X_Regulars_Message": "signed"},
    ],
)
def test_what_a_program_wrote_is_told(headers: dict[str, str]) -> None:
    """RFC 3834: no loop, no ticket of an absence."""
    found = read_mail(mail(**headers))
    assert found is not None
    assert found.automatic


@pytest.mark.parametrize("headers", [{"Auto_Submitted": "no"}, {"Precedence": "normal"}, {"From": "noreen@x.test"}])
def test_what_a_person_wrote_is_not_taken_for_a_program_s(headers: dict[str, str]) -> None:
    found = read_mail(mail(**headers))
    assert found is not None
    assert found.automatic is None
    assert automatic_by("Auto parts", "ann@x.test") is None


@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        ("gb2312", "绿色的有吗？瞭".encode("gb18030"), "绿色的有吗？瞭"),
        ("GBK", "退订".encode("gbk"), "退订"),
        (None, "退订".encode("gbk"), "退订"),
        (None, "退订".encode(), "退订"),
        ("us-ascii", "退订".encode(), "退订"),
        ("big5", "退訂".encode("big5"), "退訂"),
        ("iso-8859-1", "größer “x”".encode("cp1252"), "größer “x”"),
        ("koi8-r", "зелёный".encode("koi8-r"), "зелёный"),
        ("iso-2022-jp", "緑".encode("iso-2022-jp"), "緑"),
        ("x-unknown", b"green", "green"),
        ("punycode", b"green", "green"),
        ("utf-8", b"a\xff", "a\ufffd"),
    ],
)
def test_charsets_misnamed_or_missing_are_read(charset: str | None, raw: bytes, text: str) -> None:
    assert decoded(raw, charset) == text
    named = f"; charset={charset}" if charset else ""
    head = f"From: c1@example.test\r\nContent-Type: text/plain{named}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    found = read_mail(head.encode() + raw)
    assert found is not None
    assert found.text == text


def test_subjects_are_read_encoded_raw_and_broken() -> None:
    for raw in (b"=?gb2312?B?zcu2qQ==?=", "退订".encode("gbk"), "退订".encode()):
        found = read_mail(b"From: a@b.test\r\nSubject: " + raw + b"\r\n\r\n")
        assert found is not None
        assert found.subject == "退订"
    assert read_mail(b"From: a@b.test\r\nSubject: =?x?Q?=?= =?utf-8?B?!!?=\r\n\r\nhi") is not None


@pytest.mark.parametrize(
    ("raw", "sender"),
    [
        ("=?utf-8?q?M=C3=BCller=2C_Ann?= <ann@x.test>", "ann@x.test"),
        ("=?utf-8?q?a=3Bb=3Cc=22?= <ann@x.test>", "ann@x.test"),
        ("Müller, Ann <ann@x.test>", "ann@x.test"),
        ("=?utf-8?q?zed=40mm=2Etest?= <evil@x.test>", "evil@x.test"),
        ("=?utf-8?q?zed_=3Czed=40mm=2Etest=3E?= <evil@x.test>", "evil@x.test"),
        ("zed@mm.test <evil@x.test>", "evil@x.test"),
        ('"zed <zed@mm.test>" <evil@x.test>', "evil@x.test"),
        ("zed <zed@mm.test> <evil@x.test>", "evil@x.test"),
        ("ann@x.test (Ann <zed@mm.test>)", "ann@x.test"),
        ("ann@x.test", "ann@x.test"),
        ("Ann", ""),
        ("(" * 4_000, ""),
    ],
)
def test_a_name_is_no_address(raw: str, sender: str) -> None:
    """SEC-011: a word of one customer's is never taken for another's, nor lost for a comma in a name."""
    found = read_mail(f"From: {raw}\r\nTo: {raw}, shop@shop.test\r\n\r\nSTOP".encode())
    assert found is not None
    assert found.sender == sender
    assert "shop@shop.test" in found.recipients or "((" in raw


def test_attachments_are_named_and_left() -> None:
    made = EmailMessage()
    made["From"] = "c1@example.test"
    made.set_content("It is broken, see the photo.")
    made.add_alternative("<p>HTML</p>", subtype="html")
    made.add_attachment(b"\xff\xd8" * 100, maintype="image", subtype="jpeg", filename="破.jpg")
    forwarded = EmailMessage()
    forwarded.set_content("STOP")
    made.add_attachment(forwarded)
    found = read_mail(made.as_bytes())
    assert found is not None
    assert found.text == "It is broken, see the photo."
    assert found.attachments == ("破.jpg", "message/rfc822"), "a mail that is attached is not what the customer says"


def test_html_alone_is_read() -> None:
    made = EmailMessage()
    made["From"] = "c1@example.test"
    made.set_content("<div>退订</div><div class=gmail_quote>Hello</div>", subtype="html", charset="gb2312")
    found = read_mail(made.as_bytes())
    assert found is not None
    assert found.text == "退订"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00" * 100,
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\nContent-Type: message/rfc822\r\n\r\n" * 3_000,
        b"From: " + b"<" * 100_000,
        b"From: a@b.test\r\n" + b"X: y\r\n" * 50_000,
        mail("x" * 2 * LARGEST),
        b"From: a@b.test\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n+AGE",
    ],
)
def test_hostile_mails_are_read_or_left(raw: bytes) -> None:
    found = read_mail(raw)
    assert found is None or len(found.text) <= LARGEST


_NESTED = b"".join(b"--b%d\nContent-Type: multipart/report; boundary=b%d\n\n" % (n, n + 1) for n in range(300))
COSTLY = {
    "nested": b"Content-Type: multipart/report; boundary=b0\n\n" + _NESTED + b"x\n" * 500_000,
    "parameters": b'Content-Type: text/plain; name="' + b'\\";' * 200_000 + b"\n\nx",
    "encoded words": b"Cc: " + b"=?utf-8?q?a?= " * 70_000 + b"\n\nx",
    "parts": b"Content-Type: multipart/report; boundary=b0\n\n" + b"--b0\n\nx\n" * 120_000,
}


@pytest.mark.parametrize("raw", COSTLY.values(), ids=COSTLY)
def test_a_mail_of_a_stranger_costs_little(raw: bytes) -> None:
    """Each took half a minute of the processor and more; all of 1 MB."""
    began = time.process_time()
    read_mail(b"From: a@b.test\n" + raw)
    read(b"From: a@b.test\n" + raw)
    assert time.process_time() - began < 5.0


def test_what_stands_before_the_bounds_is_read() -> None:
    parts = b"--b0\n\nSTOP\n" + b"--b0\nContent-Type: multipart/mixed; boundary=x\n\n--x--\n" * 100
    found = read_mail(b"From: a@b.test\nContent-Type: multipart/mixed; boundary=b0\n\n" + parts)
    assert found is not None
    assert found.text == "STOP"


@given(st.binary(max_size=300), st.integers(0, 400))
def test_no_mail_breaks_the_reading(noise: bytes, place: int) -> None:
    whole = mail(In_Reply_To="<m-2@shop.test>")
    read_mail(whole[:place] + noise + whole[place:])

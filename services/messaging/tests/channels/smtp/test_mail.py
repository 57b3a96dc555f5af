"""A mail is well formed on the wire, whatever its texts hold: read back by the standard library's parser."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.values.addresses import InvalidAddress
from messaging.channels.smtp.mail import Mail, build

MAIL = Mail(
    message_id="m-1",
    sender="shop@example.test",
    sender_name="Shop",
    to="c1@example.test",
    subject="Hello",
    text="Dear you,\n\nbye\n",
    date=datetime(2025, 3, 4, 2, tzinfo=UTC),
    headers={"List-Unsubscribe": "<https://shop.example/u>"},
)


def read(mail: Mail) -> EmailMessage:
    raw = build(mail)
    assert raw.isascii()
    assert raw.count(b"\n") == raw.count(b"\r\n")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = email.message_from_bytes(raw, _class=EmailMessage, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


@given(
    subject=st.text(st.characters(exclude_categories=["C"]), max_size=200),
    name=st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=60),
    text=st.text(st.characters(exclude_categories=["C"], include_characters="\n"), max_size=2000),
)
def test_any_text_survives_the_wire(subject: str, name: str, text: str) -> None:
    message = read(replace(MAIL, subject=subject, sender_name=name, text=text))
    assert " ".join(str(message["Subject"]).split()) == " ".join(subject.split())
    assert message["From"].addresses[0].addr_spec == "shop@example.test"
    assert message["To"].addresses[0].addr_spec == "c1@example.test"
    assert message.get_content().splitlines() == text.splitlines() or not text.strip("\n")
    assert set(message.keys()) == {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "List-Unsubscribe",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    }


@pytest.mark.parametrize("name", ["Müller & Söhne", '"Quote" \\ Shop', "茶叶店", "Shop, Inc. <x@y.z>"])
def test_a_display_name_stays_a_display_name(name: str) -> None:
    sender = read(replace(MAIL, sender_name=name))["From"].addresses
    assert [(a.display_name, a.addr_spec) for a in sender] == [(name, "shop@example.test")]


@pytest.mark.parametrize("blank", ["\u00a0", "\u3000", "\u2028", "\u0085", "\x0b", "\x1c", "\u2009"])
@pytest.mark.parametrize("name", ["Tea{}House, Ltd.", "Tee{}(Berlin)", 'Tea{}"House" <shop@evil.example>, x'])
def test_a_display_name_stays_one_whatever_blanks_it_holds(name: str, blank: str) -> None:
    sender = read(replace(MAIL, sender_name=name.format(blank)))["From"].addresses
    assert [(a.display_name, a.addr_spec) for a in sender] == [(name.format(" "), "shop@example.test")]


def test_a_subject_cannot_smuggle_a_header() -> None:
    message = read(replace(MAIL, subject="Hi\r\nBcc: victim@example.test"))
    assert message["Bcc"] is None
    assert message["Subject"] == "Hi Bcc: victim@example.test"


@pytest.mark.parametrize(
    "address",
    ["", "nobody", "a b@example.test", "a@example.test\r\nRCPT TO:<x@y.z>", "a@b>\nBcc: c@d", "a@b\x00c"],
)
def test_what_would_break_out_of_a_header_is_refused(address: str) -> None:
    with pytest.raises(InvalidAddress):
        build(replace(MAIL, to=address))
    with pytest.raises(InvalidAddress):
        build(replace(MAIL, reply_to=address))

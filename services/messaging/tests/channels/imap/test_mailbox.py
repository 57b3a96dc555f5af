"""Reading a mailbox, whatever its server does (FBK-001, MSG-061)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from messaging.channels.imap import mailbox
from messaging.channels.imap.mailbox import Mailbox, MailboxTrouble, Position
from messaging.channels.imap.settings import ImapSettings

from .servers import ImapServer, imap_server

DAY = date(2025, 3, 1)


@pytest.fixture
def server() -> Iterator[ImapServer]:
    with imap_server() as running:
        yield running


def reader(server: ImapServer, largest: int = 1000, **settings: Any) -> Mailbox:
    given: dict[str, Any] = {
        "imap_host": "127.0.0.1",
        "imap_port": server.port,
        "imap_tls": "off",
        "imap_user": "shop@shop.test",
        "imap_password": SecretStr("secret"),
        "imap_answer_s": 5,
    }
    return Mailbox(ImapSettings(**given | settings), largest)


def test_mails_are_taken_in_order_from_where_it_was_read(server: ImapServer) -> None:
    for n in range(3):
        server.add(b"mail %d" % n)
    found = reader(server).collect(None, DAY)
    assert found.mails == [(Position(7, n + 1), b"mail %d" % n) for n in range(3)]
    assert not found.more
    assert any("SINCE 01-Mar-2025" in command for command in server.commands)
    assert reader(server).collect(Position(7, 3), DAY).mails == [], "the server names the last one again"
    server.add(b"new")
    assert reader(server).collect(Position(7, 3), DAY).mails == [(Position(7, 4), b"new")]
    server.validity = 8
    assert len(reader(server).collect(Position(7, 4), DAY).mails) == 4, "numbered anew: looked through again"
    assert not [c for c in server.commands if c.startswith(("STORE", "SELECT", "UID STORE"))], "nothing is changed"
    assert all("PEEK" in c for c in server.commands if "FETCH" in c)


def test_a_mail_is_cut_and_many_come_in_parts(server: ImapServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "MOST", 2)
    for _ in range(3):
        server.add(b"x" * 5000)
    found = reader(server).collect(None, DAY)
    assert [(len(raw or b""), found.more) for _, raw in found.mails] == [(1000, True)] * 2
    assert not reader(server).collect(Position(7, 2), DAY).more


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        ("login", "the login was refused"),
        ("folder", "there is no such folder"),
        ("unnumbered", "UIDVALIDITY"),
        ("cut", "the connection failed"),
        ("babble", "the connection failed"),
        ("endless", "more than it was asked for"),
        ("silent", "no answer in time"),
    ],
)
def test_a_server_that_misbehaves_is_told_and_never_believed(server: ImapServer, trouble: str, why: str) -> None:
    server.add(b"mail")
    server.trouble = trouble
    with pytest.raises(MailboxTrouble, match=why) as told:
        reader(server, imap_answer_s=0.2 if trouble == "silent" else 5).collect(None, DAY)
    assert "secret" not in str(told.value)
    assert "shop@" not in str(told.value)


def test_a_mail_that_is_gone_is_passed_over(server: ImapServer) -> None:
    server.add(b"mail")
    server.trouble = "gone"
    assert reader(server).collect(None, DAY).mails == [(Position(7, 1), None)]


def test_nobody_answers_and_a_look_that_is_abandoned_ends(server: ImapServer) -> None:
    with pytest.raises(MailboxTrouble):
        reader(server, imap_port=1).collect(None, DAY)
    server.trouble = "silent"
    looking = reader(server, imap_answer_s=60)
    ended: list[str] = []

    def look() -> None:
        try:
            looking.collect(None, DAY)
        except MailboxTrouble as error:
            ended.append(str(error))

    thread = threading.Thread(target=look)
    thread.start()
    while not any("EXAMINE" in command for command in server.commands):
        thread.join(0.01)
    looking.abandon()
    thread.join(5)
    assert ended


@pytest.mark.parametrize(
    "wrong",
    [{"imap_host": "mail.test"}, {"imap_folder": 'IN"BOX'}, {"imap_folder": "IN\r\nBOX"}, {"imap_tls": "perhaps"}],
)
def test_settings_are_looked_at(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ImapSettings(**wrong)

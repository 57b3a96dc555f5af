"""Handing one mail to servers as they are met: with TLS and login, old ones, refusing, slow, hanging up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult

from messaging.channels.protocol import Delivery
from messaging.channels.smtp.connection import Deadlines, SmtpConnection, SmtpServer
from messaging.decisions.state import MISSED

from ...channels.smtp import certificates
from ...channels.smtp.servers import Scripted, Taking, following, listening
from ...channels.smtp.test_mail import MAIL

DEADLINE_OF = {"CONNECT": "connect_s", "DATA": "data_s", "TEXT": "text_s"}
"""Of the other steps: `command_s`."""


async def handed(port: int, mail: Any = MAIL, **options: Any) -> Delivery:
    connection = SmtpConnection(SmtpServer("127.0.0.1", port, **options))
    try:
        return await connection.deliver(mail)
    finally:
        await connection.close()


def only_ann(_server: Any, _session: Any, _envelope: Any, _mechanism: str, login: Any) -> AuthResult:
    return AuthResult(success=(login.login, login.password) == (b"ann", b"secret"), handled=False)


@pytest.mark.parametrize("mode", ["auto", "starttls"])
async def test_a_server_that_asks_for_starttls_gets_the_mail(tmp_path: Path, mode: Any) -> None:
    """The greeting is forgotten with the upgrade (RFC 3207), so EHLO is said once more."""
    ca_file, context = certificates.make(tmp_path)
    server = Taking()
    async with listening(server, tls_context=context, require_starttls=True) as port:
        connection = SmtpConnection(SmtpServer("127.0.0.1", port, tls=mode, ca_file=ca_file))
        for _ in range(3):
            assert (await connection.deliver(MAIL)).outcome == "accepted"
        await connection.close()
    assert server.taken == ["c1@example.test"] * 3


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it does not see the implicit one
async def test_implicit_tls_and_login(tmp_path: Path) -> None:
    ca_file, context = certificates.make(tmp_path)
    server = Taking()
    login = {"authenticator": only_ann, "auth_required": True, "auth_require_tls": False}
    async with listening(server, implicit_tls=context, **login) as port:
        tls = {"tls": "implicit", "ca_file": ca_file}
        right = await handed(port, user="ann", password="secret", **tls)
        wrong = await handed(port, user="ann", password="guess", **tls)
        without = await handed(port, **tls)
    assert right.outcome == "accepted"
    assert [(h.outcome, h.stage, h.reason) for h in (wrong, without)] == [
        ("withheld", "auth", "smtp_535_5.7.8"),
        ("withheld", "mail", "smtp_530_5.7.0"),
    ]
    assert server.taken == ["c1@example.test"]


async def test_starttls_and_login(tmp_path: Path) -> None:
    ca_file, context = certificates.make(tmp_path)
    server = Taking()
    async with listening(server, tls_context=context, authenticator=only_ann, auth_required=True) as port:
        assert (await handed(port, ca_file=ca_file, user="ann", password="secret")).outcome == "accepted"
        wrong = await handed(port, ca_file=ca_file, user="ann", password="guess")
        assert (wrong.outcome, wrong.stage, wrong.reason) == ("withheld", "auth", "smtp_535_5.7.8")


async def test_a_self_made_certificate_is_refused_by_name_unless_it_is_trusted_or_not_asked_for(tmp_path: Path) -> None:
    ca_file, context = certificates.make(tmp_path)
    server = Taking()
    for way in ({"tls_context": context}, {"implicit_tls": context}):
        mode: Any = "starttls" if "tls_context" in way else "implicit"
        async with listening(server, **way) as port:
            unknown = await handed(port, tls=mode)
            assert (unknown.outcome, unknown.reason) == ("withheld", "tls_certificate")
            assert unknown.trouble is not None
            assert unknown.trouble.scope == "channel"
            assert (await handed(port, tls=mode, ca_file=ca_file)).outcome == "accepted"
            assert (await handed(port, tls=mode, verify=False)).outcome == "accepted"
    assert len(server.taken) == 4


async def test_a_password_is_never_given_to_a_server_without_tls() -> None:
    server = Scripted()
    async with following(server) as port:
        refused = await handed(port, user="ann", password="secret")
        assert (refused.outcome, refused.stage, refused.reason) == ("withheld", "tls", "starttls_not_offered")
        refused = await handed(port, tls="off", user="ann", password="secret")
        assert (refused.outcome, refused.stage, refused.reason) == ("withheld", "auth", "auth_not_offered")
    assert "AUTH" not in server.heard


async def test_a_server_without_any_extension_gets_the_mail_with_its_dots() -> None:
    server = Scripted(EHLO=b"502 what?")
    async with following(server) as port:
        assert (await handed(port, replace(MAIL, text="one\n.\n..two\nend\n"))).outcome == "accepted"
    assert server.heard[:5] == ["CONNECT", "EHLO", "HELO", "MAIL", "RCPT"]
    assert server.texts[0].endswith(b"one\r\n..\r\n...two\r\nend\r\n.\r\n")


async def test_a_local_part_beyond_ascii_goes_by_smtputf8_or_is_not_sent_at_all() -> None:
    mail = replace(MAIL, to="客服@xn--kse-qla.example")
    modern, old = Taking(), Taking()
    async with listening(modern, enable_SMTPUTF8=True) as port:
        assert (await handed(port, mail)).outcome == "accepted"
    assert modern.taken == ["客服@xn--kse-qla.example"]
    assert "SMTPUTF8" in modern.options[0]
    async with listening(old, enable_SMTPUTF8=False) as port:
        assert await handed(port, mail) == Delivery("refused", "address_needs_smtputf8", "mail")
    assert old.options == []


@pytest.mark.parametrize(
    ("stage", "reply", "outcome", "gone", "scope"),
    [
        ("rcpt", "550 5.1.1 no such user", "refused", True, None),
        ("rcpt", "550 5.1.2 no such domain", "refused", True, None),
        ("rcpt", "551 5.1.6 moved", "refused", True, None),
        ("rcpt", "556 5.1.10 takes no mail", "refused", True, None),
        ("rcpt", "550 5.7.1 relaying denied", "withheld", False, "shop"),
        ("rcpt", "554 5.7.1 client host [192.0.2.7] blocked", "withheld", False, "shop"),
        ("rcpt", "550 5.1.8 sender's domain not found", "withheld", False, "shop"),
        ("rcpt", "553 5.7.1 sender not owned by user", "withheld", False, "shop"),
        ("rcpt", "550 no", "withheld", False, "shop"),
        ("rcpt", "552 5.2.2 mailbox full", "later", False, None),
        ("rcpt", "451 4.7.1 greylisted", "later", False, None),
        ("rcpt", "421 4.7.0 too many", "withheld", False, "channel"),
        ("mail", "550 5.1.1 no such sender", "withheld", False, "shop"),
        ("mail", "550 5.7.1 sender refused", "withheld", False, "shop"),
        ("mail", "452 4.3.1 no room", "later", False, None),
        ("text", "554 5.7.1 looks like spam", "withheld", False, "shop"),
        ("text", "554 5.6.0 malformed", "refused", False, None),
        ("text", "552 5.3.4 too large", "refused", False, None),
        ("text", "451 4.3.0 try later", "later", False, None),
    ],
)
async def test_a_refusal_is_read_by_stage_and_enhanced_code(
    stage: str, reply: str, outcome: str, gone: bool, scope: str | None
) -> None:
    """Only 5.1.1, 5.1.2, 5.1.6 and 5.1.10 at RCPT speak of the address."""
    async with listening(Taking(**{stage: reply})) as port:
        delivery = await handed(port)
    assert (delivery.outcome, delivery.address_bad, delivery.stage) == (outcome, gone, stage)
    assert (delivery.trouble.scope if delivery.trouble else None) == scope


@pytest.mark.parametrize("greeting", [b"421 4.3.2 not now", b"554 5.7.1 your host is blocked", b"nonsense"])
async def test_a_server_that_turns_us_away_at_the_door_says_nothing_of_the_recipient(greeting: bytes) -> None:
    async with following(Scripted(CONNECT=greeting)) as port:
        delivery = await handed(port)
    assert delivery.trouble is not None
    assert (delivery.outcome, delivery.trouble.scope, delivery.trouble.at_once) == ("withheld", "channel", True)


EACH_STAGE = [
    ("CONNECT", "withheld"), ("EHLO", "withheld"), ("MAIL", "withheld"), ("RCPT", "later"), ("DATA", "later"),
    ("TEXT", "unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "outcome"), EACH_STAGE)
async def test_a_connection_lost_at_any_step_says_whether_the_text_had_gone(verb: str, outcome: str) -> None:
    server = Scripted(**{verb: None})
    async with following(server) as port:
        delivery = await handed(port)
    assert delivery.outcome == outcome
    assert len(server.texts) == (verb == "TEXT")


@pytest.mark.parametrize(("verb", "outcome"), EACH_STAGE)
async def test_each_step_has_its_deadline(verb: str, outcome: str) -> None:
    server = Scripted()
    server.slow[verb] = asyncio.Event()
    async with following(server) as port:
        delivery = await handed(port, deadlines=Deadlines(**{DEADLINE_OF.get(verb, "command_s"): 1.0}))
    assert (delivery.outcome, delivery.reason) == (outcome, "no_reply" if verb == "TEXT" else "timeout")
    assert server.texts == [] or verb == "TEXT"


def test_the_deadlines_are_those_of_rfc_5321() -> None:
    assert Deadlines() == Deadlines(connect_s=300, command_s=300, data_s=120, text_s=600)


@pytest.mark.parametrize("verb", ["RCPT", "DATA"])
async def test_what_may_not_leave_any_more_when_the_server_is_ready_does_not(verb: str) -> None:
    """Decided when the text would go, and not when the hand-off began."""
    server = Scripted()
    server.slow[verb] = asyncio.Event()
    open_until_then = True

    async def may_leave() -> str | None:
        return None if open_until_then else MISSED

    async with following(server) as port:
        connection = SmtpConnection(SmtpServer("127.0.0.1", port))
        sending = asyncio.create_task(connection.deliver(MAIL, may_leave))
        await server.reached.wait()
        open_until_then = False
        server.slow[verb].set()
        delivery = await sending
        assert (delivery.outcome, delivery.reason) == ("forbidden", MISSED)
        open_until_then = True
        assert (await connection.deliver(MAIL, may_leave)).outcome == "accepted"
        await connection.close()
    assert len(server.texts) == 1


async def test_a_mail_that_the_end_of_the_process_meets_just_before_its_text_is_not_given_away() -> None:
    """Given away at that moment it would not be waited for, and be in doubt although the server took it."""
    server, asked = Taking(), 0
    async with listening(server) as port:
        connection = SmtpConnection(SmtpServer("127.0.0.1", port))

        async def ends_when_the_server_is_ready() -> str | None:
            nonlocal asked
            asked += 1
            if asked == 2:
                connection.abandon()
            return None

        assert await connection.deliver(MAIL, ends_when_the_server_is_ready) == Delivery("stopped")
        await connection.close()
    assert (asked, server.taken) == (2, [])


async def test_a_connection_that_the_server_closed_while_it_was_idle_costs_nothing() -> None:
    server = Scripted()
    async with following(server) as port:
        connection = SmtpConnection(SmtpServer("127.0.0.1", port))
        assert (await connection.deliver(MAIL)).outcome == "accepted"
        server.once["MAIL"] = b"421 4.4.2 idle for too long"
        assert (await connection.deliver(MAIL)).outcome == "accepted"
        await connection.close()
    assert server.heard.count("CONNECT") == 2
    assert len(server.texts) == 2

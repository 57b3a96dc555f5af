"""Handing mails to an SMTP server over a reused connection, step by step, so that each failure says what is known."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import aiosmtplib

from messaging.channels.protocol import Connection, Delivery, MayLeave, Trouble, always
from messaging.channels.smtp.dkim import Signer
from messaging.channels.smtp.mail import Mail, build
from messaging.channels.smtp.replies import About, Stage, about, for_operators, reason_of

TlsMode = Literal["auto", "off", "starttls", "implicit"]
STOP_WITHIN_S = 10.0
"""At the end of the process a server that has the text is waited for so long; then the mail is in doubt."""
_DOT = re.compile(rb"(?m)^\.")
_AWAY = frozenset({"connection_refused", "connection_lost", "timeout"})


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds to wait for each reply; RFC 5321 section 4.5.3.2 asks for these at least."""

    connect_s: float = 300
    command_s: float = 300
    data_s: float = 120
    text_s: float = 600


@dataclass(frozen=True)
class SmtpServer:
    """Where mails are handed to, and how. `auto`: STARTTLS where it is offered, and always before a password."""

    host: str
    port: int
    tls: TlsMode = "auto"
    verify: bool = True
    ca_file: Path | None = None
    user: str | None = None
    password: str = ""
    deadlines: Deadlines = Deadlines()
    signer: Signer | None = None

    @cached_property
    def tls_context(self) -> ssl.SSLContext:
        """Of all connections to it: to read the authorities that are trusted takes 30 ms, in which nothing is sent."""
        context = ssl.create_default_context(cafile=self.ca_file)
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class SmtpConnection(Connection):
    """One connection, for one task; opened when needed and kept for the next mail."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._client: aiosmtplib.SMTP | None = None
        self._stage: Stage = "connect"
        self._waiting: asyncio.Timeout | None = None
        self._abandoned = False

    def abandon(self) -> None:
        """Start no mail any more; a server that was not given the text is not waited for, any other 10 s."""
        self._abandoned = True
        if self._waiting is not None:
            left = STOP_WITHIN_S if self._has_text() else 0
            self._waiting.reschedule(asyncio.get_running_loop().time() + left)

    async def deliver(self, message: Mail, may_leave: MayLeave = always) -> Delivery:
        """Hand one mail over. `may_leave` is asked when the server is ready for the text."""
        mail, text, signer = message, build(message), self._server.signer
        if signer is not None and signer.signs_for(mail.sender):
            text = signer.signed(text, mail.date)
        reused = self._client is not None and self._client.is_connected
        delivery = await self._hand_over(mail, text, may_leave)
        if reused and not self._abandoned and _closed_while_idle(delivery):
            delivery = await self._hand_over(mail, text, may_leave)
        return delivery

    def _has_text(self) -> bool:
        return self._stage == "text"

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None and client.is_connected:
            try:
                async with asyncio.timeout(2):
                    await client.quit()
            except (aiosmtplib.SMTPException, OSError):
                client.close()

    async def _hand_over(self, mail: Mail, text: bytes, may_leave: MayLeave) -> Delivery:
        if self._abandoned:
            return Delivery("stopped")
        self._stage = "connect"
        try:
            async with asyncio.timeout(None) as self._waiting:
                return await self._dialogue(mail, text, may_leave)
        except aiosmtplib.SMTPResponseException as error:
            return await self._refused(error.code, error.message)
        except (aiosmtplib.SMTPException, OSError) as error:
            self._drop()
            if self._has_text():
                return Delivery("unknown", "no_reply", "text")
            return Delivery("stopped") if self._abandoned else self._lost(error)
        finally:
            self._waiting = None

    async def _dialogue(self, mail: Mail, text: bytes, may_leave: MayLeave) -> Delivery:
        deadlines = self._server.deadlines
        client = await self._connected()
        utf8 = mail.needs_utf8
        if utf8 and not client.supports_extension("smtputf8"):
            return Delivery("refused", "address_needs_smtputf8", "mail")
        # The library's own `mail` and `rcpt` parse each address anew, which takes longer than to send it.
        self._stage = "mail"
        sender = (b"FROM:<%b>" % mail.sender.encode("ascii"), *([b"SMTPUTF8"] if utf8 else []))
        reply = await client.execute_command(b"MAIL", *sender, timeout=deadlines.command_s)
        if reply.code != 250:
            raise aiosmtplib.SMTPSenderRefused(reply.code, reply.message, mail.sender)
        self._stage = "rcpt"
        reply = await client.execute_command(b"RCPT", b"TO:<%b>" % mail.to.encode(), timeout=deadlines.command_s)
        if reply.code not in (250, 251):
            raise aiosmtplib.SMTPRecipientRefused(reply.code, reply.message, mail.to)
        forbidden = await may_leave()
        if forbidden is not None:
            await self._reset()
            return Delivery("forbidden", forbidden, "rcpt")
        # The library's `data` has one deadline for both replies, and does not tell which of them was lost.
        self._stage = "data"
        reply = await client.execute_command(b"DATA", timeout=deadlines.data_s)
        if reply.code != 354:
            raise aiosmtplib.SMTPDataError(reply.code, reply.message)
        forbidden = await may_leave()
        protocol = client.protocol
        if forbidden is not None:
            self._drop()  # the only way out of DATA that sends nothing
            return Delivery("forbidden", forbidden, "data")
        if self._abandoned:  # while the server was not waited for: its text would be in doubt
            self._drop()
            return Delivery("stopped")
        if protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        protocol.write(_DOT.sub(b"..", text) + b".\r\n")
        self._stage = "text"
        reply = await protocol.read_response(timeout=deadlines.text_s)
        if reply.code != 250:
            raise aiosmtplib.SMTPDataError(reply.code, reply.message)
        return Delivery("accepted")

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._client is not None and self._client.is_connected:
            return self._client
        self._drop()
        server, deadlines = self._server, self._server.deadlines
        client = self._client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            timeout=deadlines.command_s,
            local_hostname=_our_name(),
            use_tls=server.tls == "implicit",
            start_tls=False,
            tls_context=server.tls_context if server.tls != "off" else None,
        )
        await client.connect(timeout=deadlines.connect_s)
        self._stage = "hello"
        await _greet(client)
        offered = client.supports_extension("starttls")
        if server.tls == "starttls" or (server.tls == "auto" and (offered or server.user is not None)):
            self._stage = "tls"
            await client.starttls()
            self._stage = "hello"
            await _greet(client)
        if server.user is not None:
            self._stage = "auth"
            await client.login(server.user, server.password)
        return client

    async def _refused(self, code: int, text: str) -> Delivery:
        stage = self._stage
        if not 400 <= code < 600:  # a reply that makes no sense at this point, or none that can be read
            self._drop()
            if stage == "text":
                return Delivery("unknown", reason_of(code, text), stage)
            return self._withheld("server", reason_of(code, text), text)
        said = about(stage, code, text)
        await self._reset()
        reason = reason_of(code, text)
        if said == "now":
            return Delivery("later", reason, stage)
        if said in ("address", "message"):
            return Delivery("refused", reason, stage, address_bad=said == "address")
        return self._withheld(said, reason, text, stage)

    def _lost(self, error: Exception) -> Delivery:
        """The connection was not made, or was lost before the text."""
        reason = _cause(self._stage, error)
        if self._stage in ("rcpt", "data"):
            return Delivery("later", reason, self._stage)
        return self._withheld("server", reason)

    def _withheld(self, said: About, reason: str, reply: str = "", stage: Stage | None = None) -> Delivery:
        stage = stage or self._stage
        scope: Literal["shop", "channel"] = "shop" if said == "sender" else "channel"
        # Of RCPT and DATA one refusal may still be about the one recipient or text.
        at_once = scope == "channel" or stage == "mail"
        away = reason in _AWAY
        trouble = Trouble(scope, at_once, stage, reason, for_operators(reply), away)
        return Delivery("withheld", reason, stage, trouble=trouble)

    async def _reset(self) -> None:
        """Forget the half-given mail, so that the next one starts afresh."""
        client = self._client
        if client is None or not client.is_connected or self._stage in ("connect", "hello", "tls", "auth"):
            self._drop()
            return
        try:
            await client.rset(timeout=min(STOP_WITHIN_S, self._server.deadlines.command_s))
        except (aiosmtplib.SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _closed_while_idle(delivery: Delivery) -> bool:
    """The server had closed, or now closes, the connection that was kept: nothing was given to it yet."""
    return delivery.stage == "mail" and (
        delivery.reason == "connection_lost" or (delivery.reason or "").startswith("smtp_421")
    )


async def _greet(client: aiosmtplib.SMTP) -> None:
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        if not client.is_connected:
            raise
        await client.helo()


def _our_name() -> str:
    """How we greet a server: by our name where that is a full one, else as RFC 5321 section 4.1.3 has it.

    Left to itself the library asks the name service, in a thread that also holds up the end of the process.
    """
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"


def _cause(stage: Stage, error: BaseException) -> str:
    root = error.__cause__ or error
    causes: tuple[tuple[type[BaseException], str], ...] = (
        (ssl.SSLCertVerificationError, "tls_certificate"),
        (ssl.SSLError, "tls_failed"),
        (socket.gaierror, "name_unknown"),
        (ConnectionRefusedError, "connection_refused"),
        (TimeoutError, "timeout"),
        (OSError, "connection_lost"),
    )
    for kind, name in causes:
        if isinstance(root, kind) or isinstance(error, kind):
            return name
    return {"tls": "starttls_not_offered", "auth": "auth_not_offered"}.get(stage, "connection_lost")

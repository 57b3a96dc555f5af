"""How does a message leave by SMTP? Over a reused connection, step by step, so that each failure says what is known."""

from __future__ import annotations

import asyncio
import base64
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from typing import Literal

import aiosmtplib

_ADDRESS = re.compile(r"\A[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?\Z")
_LONGEST = 900  # RFC 5322 allows 998 octets a line, the header's name included
_GONE = frozenset({550, 551, 553, 521, 556})
"""Replies to RCPT that say: this address takes no mail, now or later."""


class InvalidAddress(ValueError):
    """An address no mail can be sent to."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail; `to` is a bare address."""

    message_id: str
    sender: str
    sender_name: str
    to: str
    subject: str
    text: str
    date: datetime
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Handoff:
    """`refused`: the server said no for good, nothing left. `later`: it did not leave, and may be tried again.
    `unreachable`: as later, and no mail can be handed over now. `unknown`: it may have left."""

    outcome: Literal["accepted", "refused", "later", "unreachable", "unknown"]
    reason: str | None = None
    bounced: bool = False


def build(mail: Mail) -> bytes:
    """The mail as it goes over the wire (RFC 5322, 7 bit). Raises InvalidAddress.

    Written out here: `email.message` takes some 4 ms a mail, more than all the rest of sending it.
    """
    for address in (mail.to, mail.sender):
        if not _ADDRESS.match(address):
            raise InvalidAddress("no mail can be sent to or from this address")
    domain = mail.sender.rpartition("@")[2]
    plain = mail.text.isascii() and all(len(line) <= _LONGEST for line in mail.text.splitlines())
    headers = {
        "From": f"{_phrase(mail.sender_name)} <{mail.sender}>",
        "To": mail.to,
        "Subject": _words(mail.subject),
        "Date": format_datetime(mail.date),
        # Derived from the message, so that whoever receives it twice can tell.
        "Message-ID": f"<{mail.message_id}@{domain}>",
        "Auto-Submitted": "auto-generated",
        **mail.headers,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "7bit" if plain else "base64",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("ascii")
    body = mail.text.encode() if plain else base64.encodebytes(mail.text.replace("\n", "\r\n").encode())
    return head + b"\r\n" + b"\r\n".join(body.splitlines()) + b"\r\n"


def _words(text: str) -> str:
    """A header's text on one logical line; what is not plain ASCII as encoded words (RFC 2047), folded."""
    text = " ".join(text.split())
    if text.isascii() and text.isprintable() and len(text) <= _LONGEST and "=?" not in text:
        return text
    return Header(text, "utf-8", maxlinelen=70).encode(linesep="\r\n")


def _phrase(name: str) -> str:
    """A display name: an encoded word, or quoted."""
    encoded = _words(name)
    if not name.isascii() or "=?" in encoded:
        return encoded
    return '"' + encoded.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _our_name() -> str:
    """How we greet a server: by our name where that is a full one, else as RFC 5321 section 4.1.3 has it.

    Left to itself the library asks the name service, in a thread that also holds up the end of the process.
    """
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"


class SmtpConnection:
    """One connection, for one task; opened when needed and kept for the next mail."""

    def __init__(self, host: str, port: int, *, timeout_s: float = 10) -> None:
        self._host = host
        self._port = port
        self._timeout_s = timeout_s
        self._client: aiosmtplib.SMTP | None = None
        self._untold: asyncio.Timeout | None = None  # runs while the text of a mail has not been handed over
        self._abandoned = False

    def abandon(self) -> None:
        """Start no mail any more, and wait for no server that has not been given the text: it does not leave."""
        self._abandoned = True
        if self._untold is not None:
            self._untold.reschedule(asyncio.get_running_loop().time())

    async def send(self, mail: Mail) -> Handoff:
        """Hand one mail over. Never raises for what a server or network does."""
        try:
            body = build(mail)
        except InvalidAddress:
            return Handoff("refused", "invalid_address", bounced=True)
        reused = self._client is not None and self._client.is_connected
        handoff = await self._hand_over(mail, body)
        if reused and handoff.reason == "connection_lost" and not self._abandoned:
            # The server had closed the idle connection; nothing was told to it yet.
            handoff = await self._hand_over(mail, body)
        return handoff

    async def _hand_over(self, mail: Mail, body: bytes) -> Handoff:
        if self._abandoned:
            return Handoff("unreachable", "stopping")
        try:
            async with asyncio.timeout(self._timeout_s / 2) as self._untold:
                client = await self._connected()
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            self._untold = None
            self._drop()
            return Handoff("unreachable", "connection_failed")
        handed = False
        try:
            async with asyncio.timeout(self._timeout_s) as self._untold:
                # Both addresses are known to be plain: the library's own `mail` and `rcpt` would parse them once more.
                reply = await client.execute_command(b"MAIL", b"FROM:<" + mail.sender.encode() + b">")
                if reply.code != 250:
                    return await self._refused(reply.code)
                reply = await client.execute_command(b"RCPT", b"TO:<" + mail.to.encode() + b">")
                if reply.code not in (250, 251):
                    return await self._refused(reply.code, bounced=reply.code in _GONE)
                handed, self._untold = True, None
                await client.data(body)
        except aiosmtplib.SMTPResponseException as error:
            self._untold = None
            return await self._refused(error.code)
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            # No reply to the text: the server may have taken it.
            self._drop()
            if handed:
                return Handoff("unknown", "no_reply")
            return Handoff("unreachable", "stopping") if self._abandoned else Handoff("later", "connection_lost")
        finally:
            self._untold = None
        return Handoff("accepted")

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None and client.is_connected:
            try:
                async with asyncio.timeout(2):
                    await client.quit()
            except (aiosmtplib.SMTPException, OSError, TimeoutError):
                client.close()

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._client is None or not self._client.is_connected:
            self._drop()
            self._client = aiosmtplib.SMTP(
                hostname=self._host, port=self._port, timeout=self._timeout_s, local_hostname=_our_name()
            )
            await self._client.connect()
        return self._client

    async def _refused(self, code: int, *, bounced: bool = False) -> Handoff:
        await self._reset()
        if 400 <= code < 500:
            return Handoff("later", f"smtp_{code}")
        if code < 400:  # a reply that makes no sense at this point
            return Handoff("unknown", f"smtp_{code}")
        return Handoff("refused", f"smtp_{code}", bounced=bounced)

    async def _reset(self) -> None:
        """Forget the half-told mail, so that the next one starts afresh."""
        try:
            if self._client is not None:
                async with asyncio.timeout(self._timeout_s):
                    await self._client.rset()
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            self._drop()

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

"""Mail servers that are slow, forget to answer, hang up, say nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from aiosmtpd.smtp import SMTP


@contextlib.asynccontextmanager
async def listening(handler: Any, implicit_tls: Any = None, **options: Any) -> AsyncIterator[int]:
    """The port of an SMTP server with this handler; `options` are aiosmtpd's."""
    factory = partial(SMTP, handler, **options)
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0, ssl=implicit_tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0)  # connections that the client closed are let go of


class LostReplies:
    """A server that takes the mail and hangs up without an answer."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        self.taken.append(envelope.rcpt_tos[0])
        assert isinstance(server.transport, asyncio.Transport)
        server.transport.abort()
        return "250 OK"


class SlowServer:
    """Takes its time at RCPT, so that what was leased has not left yet when somebody opts out."""

    def __init__(self, wait_s: float) -> None:
        self.received: Counter[str] = Counter()
        self._wait_s = wait_s

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        await asyncio.sleep(self._wait_s)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        self.received[envelope.rcpt_tos[0].partition("@")[0]] += 1
        return "250 OK"


class Forgetful(SlowServer):
    """Takes every mail; of every second one it never says so, and hangs up."""

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        reply = await super().handle_DATA(server, session, envelope)
        if sum(self.received.values()) % 2:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return reply


class Silent:
    """Never says whether it takes mail for this address."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        self.asked.set()
        await asyncio.Event().wait()
        return "250 OK"


class Taking:
    """Takes every mail; its answers may be set by stage."""

    def __init__(self, **replies: str) -> None:
        self.taken: list[str] = []
        self.texts: list[bytes] = []
        self.options: list[list[str]] = []
        self.replies = replies

    async def handle_MAIL(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if "mail" in self.replies:
            return self.replies["mail"]
        self.options.append(options)
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if "rcpt" in self.replies:
            return self.replies["rcpt"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        if "text" in self.replies:
            return self.replies["text"]
        self.taken.append(envelope.rcpt_tos[0])
        self.texts.append(envelope.content)
        return "250 OK"


class Scripted:
    """A server that says what its script says; it offers no extension at all, and keeps the verbs it heard."""

    def __init__(self, **answers: bytes | None) -> None:
        self.answers = answers
        self.heard: list[str] = []
        self.texts: list[bytes] = []
        self.once: dict[str, bytes] = {}
        self.slow: dict[str, asyncio.Event] = {}
        self.reached = asyncio.Event()
        self.talks: set[asyncio.Task[Any]] = set()

    async def _answer(self, verb: str, writer: asyncio.StreamWriter) -> bool:
        usual = {"CONNECT": b"220 old ESMTP", "DATA": b"354 go on", "QUIT": b"221 bye"}.get(verb, b"250 OK")
        self.heard.append(verb)
        if verb in self.slow:
            self.reached.set()
            await self.slow[verb].wait()
        answer = self.once.pop(verb) if verb in self.once else self.answers.get(verb, usual)
        if answer is None:
            writer.transport.abort()
            return False
        writer.write(answer + b"\r\n")
        await writer.drain()
        return verb != "QUIT"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.talks.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            going = await self._answer("CONNECT", writer)
            while going and (line := await reader.readline()):
                verb = line.split()[0].decode().upper()
                going = await self._answer(verb, writer)
                if verb == "DATA" and going and (self.answers.get("DATA") or b"354").startswith(b"354"):
                    self.texts.append(await reader.readuntil(b"\r\n.\r\n"))
                    going = await self._answer("TEXT", writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def following(script: Scripted) -> AsyncIterator[int]:
    server = await asyncio.start_server(script.talk, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        for event in script.slow.values():
            event.set()
        server.close()
        await asyncio.gather(*script.talks)

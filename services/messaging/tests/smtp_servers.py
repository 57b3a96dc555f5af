"""What can a mail server do to a sender? Servers that are slow, forget to answer, hang up, say nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from aiosmtpd.smtp import SMTP


@contextlib.asynccontextmanager
async def listening(handler: Any) -> AsyncIterator[int]:
    """The port of an SMTP server with this handler."""
    server = await asyncio.get_running_loop().create_server(partial(SMTP, handler), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


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

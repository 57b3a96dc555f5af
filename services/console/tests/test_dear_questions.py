"""Questions that are dear to answer: a few at a time, with patience, against a server that takes its time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

import pytest_asyncio

from console.client import DEAR_AT_ONCE, Ask, Services

ASKED = [Ask("segmentation", f"/{n}") for n in range(6)]


@dataclass
class Slow:
    """A service that answers each question after `takes_s`; `most`: so many were asked of it at a time."""

    takes_s: float
    now: int = 0
    most: int = 0
    asked: int = 0
    open: int = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One question on one connection."""
        self.open += 1
        try:
            await self._answer(reader, writer)
        finally:
            self.open -= 1

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.now, self.asked = self.now + 1, self.asked + 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(self.takes_s)
        self.now -= 1
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        writer.close()
        with suppress(ConnectionError):  # who asked has given up
            await writer.wait_closed()


@pytest_asyncio.fixture
async def slow() -> AsyncIterator[tuple[Slow, Services]]:
    made = Slow(0.2)
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    services = Services({"segmentation": f"http://127.0.0.1:{port}"}, "key", within_s=0.05, budget_s=0.05)
    yield made, services
    await services.close()
    server.close()
    # A handler that still waits would close its connection after the loop.
    while made.open:
        await asyncio.sleep(0.01)


async def test_they_wait_for_their_turn_and_longer_than_others(slow: tuple[Slow, Services]) -> None:
    """A large shop's figures are all there in the end, and orders never wait for more than a few of them."""
    service, services = slow
    assert [each.state for each in await services.ask(ASKED[0])] == ["unavailable"]
    assert [each.state for each in await services.ask(*ASKED, dear=True)] == ["ok"] * 6
    assert service.most <= DEAR_AT_ONCE + 1, "one more: that which was given up before"


async def test_what_is_late_with_its_turn_to_come_was_never_asked(slow: tuple[Slow, Services]) -> None:
    service, services = slow
    assert [each.state for each in await services.ask_soon(*ASKED, dear=True)] == ["late"] * 6
    assert service.asked <= DEAR_AT_ONCE
    assert await services.ask_soon(dear=True) == []

"""A group robot on this machine that answers as documented, and that misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from ..listening import listening, read_request

OK = b'{"errcode":0,"errmsg":"ok"}'
Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes = OK, status: str = "200 OK", *, headers: str = "") -> Reply:
    """An answer with this body."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    return reply


def errcode(code: int, errmsg: str = "no") -> Reply:
    """The documented answer, with this code."""
    return answer(json.dumps({"errcode": code, "errmsg": errmsg}).encode())


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close the connection after the whole request was read, without a word."""


async def say_nothing(writer: asyncio.StreamWriter) -> None:
    """Read the request and never answer."""
    await asyncio.Event().wait()


async def trickle(writer: asyncio.StreamWriter) -> None:
    """A byte now and then, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def flood(writer: asyncio.StreamWriter) -> None:
    """An answer without end, as fast as it goes."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        await writer.drain()


class Robot:
    """Keeps what it was sent; `reply` is how it answers."""

    def __init__(self, reply: Reply | None = None) -> None:
        self.reply = reply or answer()
        self.heads: list[str] = []
        self.taken: list[Any] = []
        self.asked = asyncio.Event()
        self.port = 0

    @property
    def url(self) -> str:
        """Its webhook."""
        return f"http://127.0.0.1:{self.port}/cgi-bin/webhook/send?key=5ec-ret"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body = await read_request(reader)
        self.taken.append(json.loads(body))
        self.heads.append(head)
        self.asked.set()
        await self.reply(writer)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Robot]:
        """At a free port of this machine."""
        async with listening(self._serve) as self.port:
            yield self

"""The proxy does to its connections what it says, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from chaos.harm.network import Kind, Link

SAID = bytes(range(256)) * 40


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while content := await reader.read(65_536):
            writer.write(content)
    writer.transport.abort()


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Link, Callable[[], asyncio.Future[bytes]]]]:
    """A link before a server that sends back what it gets, and how to send SAID through it and hear the answer."""
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    link = Link("echo", server.sockets[0].getsockname()[1], random.Random(1))
    proxy = await link.serve()
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)

    def exchange() -> asyncio.Future[bytes]:
        writer.write(SAID)
        return asyncio.ensure_future(reader.readexactly(len(SAID)))

    try:
        assert await exchange() == SAID
        yield link, exchange
    finally:
        writer.transport.abort()
        while link.connections:
            await asyncio.sleep(0.01)
        for each in (proxy, server):
            each.close()


@pytest.mark.parametrize("kind", ["delay", "slice"])
async def test_what_is_slowed_arrives_whole(kind: Kind) -> None:
    async with connected() as (link, exchange):
        harming = asyncio.create_task(link.harm(kind, 0.2))
        await asyncio.sleep(0)
        assert await exchange() == SAID
        assert await harming == 1


@pytest.mark.parametrize("kind", ["mute to server", "mute from server"])
async def test_what_a_mute_way_holds_back_comes_afterwards(kind: Kind) -> None:
    async with connected() as (link, exchange):
        over = asyncio.Event()

        async def harm() -> None:
            assert await link.harm(kind, 0.2) == 1
            over.set()

        harming = asyncio.create_task(harm())
        await asyncio.sleep(0)
        assert await exchange() == SAID
        assert over.is_set()
        await harming


async def test_a_reset_connection_is_gone_and_the_next_one_works() -> None:
    async with connected() as (link, exchange):
        assert await link.harm("reset") == 1
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await exchange()
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        writer.write(SAID)
        assert await reader.readexactly(len(SAID)) == SAID
        writer.transport.abort()


async def test_one_byte_is_corrupted_once() -> None:
    async with connected() as (link, exchange):
        assert await link.harm("corrupt", 0) == 1
        heard = await exchange()
        assert sum(one != other for one, other in zip(heard, SAID, strict=True)) == 1
        assert await exchange() == SAID

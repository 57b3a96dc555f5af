"""Two processes of one service, one of which holds the relay: the other takes over when it is killed or frozen."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from common.bus.broker import Position, Reader

from .toy import Stand, tick

SOON_S = 45.0
"""Much longer than the few seconds that it takes, much less than the minute of a session without its own deadline."""
SCRIPT = Path(__file__).with_name("relay_process.py")


class Proxy:
    """Stands between a process and its database; once `gone`, not a byte passes and nobody is told."""

    def __init__(self, host: str, port: int) -> None:
        self._to = host, port
        self.gone = asyncio.Event()
        self._serving: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.current_task()
        assert serving is not None
        self._serving.add(serving)
        there = None
        try:
            back_reader, there = await asyncio.open_connection(*self._to)
            await asyncio.gather(self._pass(reader, there), self._pass(back_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass  # one end is gone, or the test is over
        finally:
            for end in (writer, there):
                if end is not None:
                    end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self.gone.is_set():
                await asyncio.Event().wait()
            writer.write(data)
        if self.gone.is_set():
            await asyncio.Event().wait()
        writer.close()

    async def stop(self) -> None:
        """Both ends of every connection are closed afterwards, also of one that was just being opened."""
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving)


@asynccontextmanager
async def relay(url: str, servers: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), url, servers, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"up\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def holds(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(SOON_S):
        assert await process.stdout.readline() == b"holder\n"


async def announce(stand: Stand, first: int, count: int) -> None:
    """Facts of three customers, and wait until they are marked as published."""
    async with stand.database.transaction() as tx:
        await tx.announce([tick(n, f"c{n % 3}") for n in range(first, first + count)])
    async with asyncio.timeout(SOON_S):
        while await stand.rows("select count(*) from outbox where published_at is null") != [(0,)]:
            await asyncio.sleep(0.05)


async def logged(stand: Stand) -> dict[Position, list[str]]:
    """The ids in the log, by partition, as they stand there."""
    reader, found = Reader(stand.servers, stand.topic, client="test"), dict[Position, list[str]]()
    while not await reader.at_end():
        for record in await reader.read(0.5):
            found.setdefault(Position(record.topic, record.partition), []).append(record.headers["id"].decode())
    await reader.close()
    return found


@pytest.mark.parametrize("fate", ["killed", "frozen", "vanished"])
async def test_another_process_takes_over_in_seconds_and_each_key_keeps_its_order(stand: Stand, fate: str) -> None:
    url = stand.database.engine.url.render_as_string(hide_password=False)
    server = make_url(url)
    proxy = Proxy(server.host or "127.0.0.1", server.port or 5432)
    through = server.set(host="127.0.0.1", port=await proxy.start()).render_as_string(hide_password=False)
    ends: dict[str, Callable[[asyncio.subprocess.Process], None]] = {
        "killed": lambda first: first.kill(),
        "frozen": lambda first: first.send_signal(signal.SIGSTOP),
        "vanished": lambda _: proxy.gone.set(),
    }
    async with relay(through, stand.servers) as first:
        await holds(first)
        async with relay(url, stand.servers) as second:
            await announce(stand, 0, 50)
            ends[fate](first)
            await holds(second)
            await announce(stand, 50, 50)
            if fate == "frozen":
                first.send_signal(signal.SIGCONT)
            await announce(stand, 100, 50)
    await proxy.stop()
    found = await logged(stand)
    assert sorted({id_ for ids in found.values() for id_ in ids}) == sorted(f"e{n}" for n in range(150))
    for ids in found.values():
        once = [int(id_[1:]) for id_ in dict.fromkeys(ids)]
        for customer in range(3):
            mine = [n for n in once if n % 3 == customer]
            assert mine == sorted(mine)

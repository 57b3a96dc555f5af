"""What lies between the services and their servers: a proxy for PostgreSQL and one for Kafka, whose connections are
delayed, muted one way, reset, cut into slices and corrupted.

Connections are encrypted from end to end, as over any network that is not trusted: a byte that was changed is noticed
there, and nowhere else in PostgreSQL's protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import threading
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from secure.servers import PASSWORD, USER, Authority, SecureKafka, tls_postgres

from chaos.harm import Harm, Setting
from chaos.holdings import Holdings
from regulars.stack.ports import free_port
from regulars.stack.state import StackState

Kind = Literal["delay", "mute to server", "mute from server", "reset", "slice", "corrupt"]
KINDS: tuple[Kind, ...] = ("delay", "mute to server", "mute from server", "reset", "slice", "corrupt")
LINKS = ("postgres", "kafka")
LASTS_S = 8.0
"""Longer than SESSION_TIMEOUT_MS of a run, and than the services' own deadlines for most questions."""
_REST_S = (1.0, 4.0)
"""Between two harms."""
_DELAY_S = (0.01, 0.5)
_SLICE = (1, 40)
"""Bytes that are passed on at a time."""
_AT_ONCE = 65_536
_CORRUPTED = 1 / 3
_MUTED = 1 / 2


@dataclass(eq=False, slots=True)
class _Way:
    """One direction of a connection; `open` is clear while it is mute, `corrupt` asks for one changed byte."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    corrupt: bool = False


@dataclass(eq=False, slots=True)
class _Connection:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    to_server: _Way = field(default_factory=_Way)
    from_server: _Way = field(default_factory=_Way)

    def reset(self) -> None:
        """Both ends hear of it by RST or by a broken pipe, whatever was on its way."""
        for writer in (self.client, self.server):
            writer.transport.abort()


class Link:
    """The proxy before one server, on `port`; it runs in the event loop that calls `serve`."""

    def __init__(self, name: str, server_port: int, rng: random.Random) -> None:
        self.name, self.port, self._server_port = name, free_port(), server_port
        self._rng = rng
        self._connections: set[_Connection] = set()
        self._delayed = self._sliced = False

    @property
    def connections(self) -> int:
        """Open ones."""
        return len(self._connections)

    async def serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, server = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection(writer, server)
        for way in (connection.to_server, connection.from_server):
            way.open.set()
        self._connections.add(connection)
        ways = (
            self._pass_on(reader, server, connection.to_server),
            self._pass_on(from_server, writer, connection.from_server),
        )
        try:
            await asyncio.wait([asyncio.ensure_future(way) for way in ways], return_when=asyncio.ALL_COMPLETED)
        finally:
            self._connections.discard(connection)
            connection.reset()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: _Way) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while content := await reader.read(_AT_ONCE):
                if self._delayed:
                    await asyncio.sleep(self._rng.uniform(*_DELAY_S))
                await way.open.wait()
                if way.corrupt:
                    way.corrupt = False
                    content = _with_another_byte(content, self._rng.randrange(len(content)))
                for piece in self._pieces(content):
                    writer.write(piece)
                    await writer.drain()
        # Each end hears when the other has nothing more to say.
        with contextlib.suppress(OSError, RuntimeError):
            writer.write_eof()

    def _pieces(self, content: bytes) -> Iterator[bytes]:
        at = 0
        while at < len(content):
            size = self._rng.randint(*_SLICE) if self._sliced else len(content)
            yield content[at : at + size]
            at += size

    async def harm(self, kind: Kind, lasts_s: float = LASTS_S) -> int:
        """Do it to connections that are open now; returns to how many, when it is over."""
        every = list(self._connections)
        if kind == "reset":
            for connection in every:
                connection.reset()
            return len(every)
        if kind == "corrupt":
            harmed = self._some(every, _CORRUPTED)
            for connection in harmed:
                self._rng.choice((connection.to_server, connection.from_server)).corrupt = True
            await asyncio.sleep(lasts_s)
            return len(harmed)
        if kind in ("delay", "slice"):
            await self._slowed(kind, lasts_s)
            return len(every)
        harmed = self._some(every, _MUTED)
        ways = [c.to_server if kind == "mute to server" else c.from_server for c in harmed]
        for way in ways:
            way.open.clear()
        await asyncio.sleep(lasts_s)
        for way in ways:
            way.open.set()
        return len(harmed)

    async def _slowed(self, kind: Kind, lasts_s: float) -> None:
        self._delayed, self._sliced = kind == "delay", kind == "slice"
        try:
            await asyncio.sleep(lasts_s)
        finally:
            self._delayed = self._sliced = False

    def _some(self, every: list[_Connection], share: float) -> list[_Connection]:
        return self._rng.sample(every, max(1, round(len(every) * share))) if every else []


def _with_another_byte(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 0x5A]) + content[at + 1 :]


class Wires:
    """A PostgreSQL and a Kafka that want TLS, each behind a link; the links run on a thread of their own.

    `environment` is what every process of the stack needs to reach Kafka through its link; `log_servers` reaches it
    past the link, for whoever reads the evidence.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        folder.mkdir(parents=True)
        rng = random.Random(seed + 4)
        authority = Authority(folder, "authority")
        self._postgres = tls_postgres(folder / "postgres", authority)
        self._kafka = SecureKafka(folder / "kafka", authority)
        self.links = {
            "postgres": Link("postgres", self._postgres.port, rng),
            "kafka": Link("kafka", self._kafka.secure_port, rng),
        }
        self._kafka.advertised_port = self.links["kafka"].port
        past = f"127.0.0.1:{self._postgres.port}"
        through = f"127.0.0.1:{self.links['postgres'].port}"
        self.database_url = (
            f"{self._postgres.url.replace(past, through)}?sslmode=verify-full&sslrootcert={authority.file}"
        )
        self.kafka = f"127.0.0.1:{self.links['kafka'].port}"
        self.log_servers = self._kafka.bootstrap_servers
        self.environment = {
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_CA_FILE": str(authority.file),
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_SASL_USER": USER,
            "KAFKA_SASL_PASSWORD": PASSWORD,
        }
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="links", daemon=True)

    def start(self) -> None:
        """Raises StackError when a server does not come up."""
        self._postgres.start()
        self._kafka.start(120)
        self._thread.start()
        for link in self.links.values():
            asyncio.run_coroutine_threadsafe(link.serve(), self._loop).result(10)

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
        self._loop.close()
        self._kafka.stop()
        self._postgres.stop()

    async def do(self, work: Coroutine[Any, Any, int]) -> int:
        """Do it in the links' event loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))


class NetworkHarm(Harm):
    """Harms each link in each way `times` times, in shuffled rounds."""

    def __init__(self, setting: Setting, times: int) -> None:
        super().__init__(setting)
        self._times = times
        self._rng = random.Random(setting.seed + 5)
        self._started: Wires | None = None

    @property
    def _wires(self) -> Wires:
        assert self._started is not None, "nothing was started"
        return self._started

    def start(self) -> Mapping[str, Any]:
        self._started = Wires(self.setting.apart, self.setting.seed)
        self._wires.start()
        os.environ.update(self._wires.environment)
        return {"kafka": self._wires.kafka, "database_url": self._wires.database_url}

    def stop(self) -> None:
        if self._started is not None:
            self._started.stop()

    def log_servers(self, _state: StackState) -> str:
        return self._wires.log_servers

    def enough(self) -> bool:
        return all(self.done.network[f"{kind}, {link}"] >= self._times for kind in KINDS for link in LINKS)

    async def run(self, _holdings: Holdings) -> None:
        ways = [(kind, link) for kind in KINDS for link in LINKS]
        plan = [each for _ in range(self._times) for each in self._rng.sample(ways, len(ways))]
        try:
            for number, (kind, name) in enumerate(plan):
                await asyncio.sleep(self._rng.uniform(*_REST_S))
                self.sent_share = (number + 1) / len(plan)
                harmed = await self._wires.do(self._wires.links[name].harm(kind))
                if harmed:
                    self.done.network[f"{kind}, {name}"] += 1
                    self.setting.say(f"{kind}: {harmed} connections to {name}")
                else:
                    self.done.missed.append(f"{kind} {name}: no connection")
        finally:
            self.sent_share = 1.0

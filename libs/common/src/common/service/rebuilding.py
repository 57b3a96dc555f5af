"""The command `rebuild`: an empty database is filled from the topics beside the live one, and then takes its place.

Called once it reads up to where the topics end now, while the live service goes on; called again it goes on where it
stands, after a kill too. With `--finish` it reads the rest, compares what it would announce with the service's own
topics, and the database is the service's own from then on (docs/decisions/0013).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import text

from common.bus import offsets
from common.bus import rebuilding as mark
from common.bus.broker import BrokerUnavailable, LogEnds, OffsetOutOfLog, Position, Reader
from common.bus.consumer import EventConsumer
from common.bus.relay import relay_lock
from common.bus.subscriptions import kept_by
from common.events import CustomerKey
from common.events.topics import owned_topics
from common.process import announcements
from common.process.runtime import Service, build_runtime
from common.process.settings import Settings
from common.service.live import Live
from common.service.refusing import CannotRebuild
from common.storage.database import Transaction
from common.storage.failures import passes
from common.storage.migrate import MigrationChanged, migrate

REPORT_EVERY_S, LOOK_EVERY_S, FIRST_WAIT_S, LONGEST_WAIT_S = 3.0, 0.2, 0.5, 15.0
MOST_PASSES, FEW = 5, 500
"""How often what came meanwhile is read, and how many records may be left for the end, in which nobody is let in."""
_TABLES = """
select c.oid::regclass::text as name from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  and c.relname <> 'schema_migrations' order by 1
"""
Say = Callable[..., None]


async def rebuild(
    service: Service, settings: Settings, *, finish: bool = False, live: str | None = None, as_json: bool = False
) -> int:
    """Read the topics into the database, which is empty or was begun to be rebuilt; 0 when it is where it was to be.

    `live`: address of the live service's database. With it, what stands on no topic is taken from there, and a
    finished rebuild stands exactly where the live service stood. Prints progress. Returns 1, with a sentence, where
    it may not begin or cannot go on.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    say = _sayer(service.name, as_json)
    owner, role = settings.owner()
    settings = settings.model_copy(update={"database_url": owner})  # a rebuild empties tables
    rebuilder = Rebuild(service, settings, Live(live, service.name) if live is not None else None, say)
    try:
        await migrate(settings.database_url, service.migrations, role=role)
        await rebuilder.run(finish=finish)
    except (CannotRebuild, MigrationChanged, OffsetOutOfLog, mark.TakenOver) as error:
        say("refused", f"{error}.")
        return 1
    finally:
        await rebuilder.close()
    return 0


def _sayer(service: str, as_json: bool) -> Say:
    """Prints a line: a sentence, or with `as_json` what it is about and its numbers."""

    def say(what: str, sentence: str, **numbers: float) -> None:
        line = {"service": service, "what": what, "detail": sentence, **numbers}
        print(orjson.dumps(line).decode() if as_json else f"{service}: {sentence}", flush=True)

    return say


class Rebuild:
    """One run of the command."""

    def __init__(self, service: Service, settings: Settings, live: Live | None, say: Say) -> None:
        self._service, self._live, self._say = service, live, say
        self._runtime = build_runtime(service, settings, rebuilding=True)
        self._database = self._runtime.database
        self._servers = settings.kafka_bootstrap_servers
        self._worker: UUID = uuid4()
        self._folds = kept_by(service.subscribed(self._runtime.keys, rebuilding=True)) is not None

    async def run(self, *, finish: bool) -> None:
        """Raises CannotRebuild, TakenOver and OffsetOutOfLog."""
        async with self._alone():
            await self._begin()
            if self._live is not None:
                await self._live.take_clock(self._database)
                await self._live.take_buried(self._database)
                if finish:
                    await self._live.check_stopped()
            async with self._database.transaction() as tx:
                await self._runtime.refresh_clock(tx)
            # Before the ends of the topics: all that falls due by then has its inputs among what is read.
            now = self._runtime.clock.now()
            await self._patiently(self._note_ends)
            await self._read()
            for _ in range(0 if finish else MOST_PASSES):
                # The live service goes on: what came meanwhile is read too, until little is left for the end.
                then = self._runtime.clock.now()
                await self._patiently(self._note_ends)
                if await self._unread() <= FEW:
                    break
                await self._read()
                now = then
            done_until = await self._live.done_until() if self._live is not None else None
            await self._runtime.sweeper.sweep(until=done_until or now)
            await self._note_announced()
            if not finish:
                self._say("read", "all is read up to where the topics ended; `rebuild --finish` makes it the live one")
                return
            facts = await self._settle()
            if self._live is not None:
                await self._live.copy(self._service.copied, self._database)
                await self._live.take_resent(self._database)
            async with self._database.transaction() as tx:
                await mark.hold(tx, self._worker)
                await mark.end(tx)
            self._say("finished", f"rebuilt; {facts:,} facts will be published when it is served", facts=facts)

    async def close(self) -> None:
        await self._database.close()

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Hold the lock of the relay for as long as the session lasts: nobody publishes or rebuilds beside us."""
        async with self._database.engine.connect() as plain:
            session = await plain.execution_options(isolation_level="AUTOCOMMIT")
            lock = {"k": relay_lock(self._service.name)}
            if not (await session.execute(text("select pg_try_advisory_lock(:k)"), lock)).scalar():
                raise CannotRebuild("another process rebuilds this database, or serves it: wait for it, or stop it")
            try:
                yield
            finally:
                with contextlib.suppress(Exception):
                    await session.invalidate()

    async def _begin(self) -> None:
        async with self._database.transaction() as tx:
            if not await mark.is_rebuilding(tx):
                await self._check_empty(tx)
                self._say("begun", "the database is empty: the rebuild begins")
            await mark.begin(tx, self._worker)

    async def _check_empty(self, tx: Transaction) -> None:
        """Raises CannotRebuild: a database with data is a service's own, be it live or restored from a backup."""
        for row in await tx.fetch(_TABLES):
            if await tx.value(f"select exists (select from {row.name})"):
                raise CannotRebuild(
                    f"the database has data (in {row.name}) and is not being rebuilt: a live database, or one restored "
                    "from a backup, goes on by `serve`; a rebuild needs an empty one"
                )

    async def _note_ends(self) -> None:
        """Where reading ends: of the own topics first, so that whatever caused a fact before their end is read too."""
        ends = LogEnds(self._servers, client=f"{self._service.name}-rebuild-ends")
        try:
            own = owned_topics(self._service.name)
            noted = await ends.ends(own)
            read = await self._runtime.read_topics()
            others = await ends.ends(read - own)
        finally:
            await ends.close()
        if self._live is not None:
            # What the live service has read is what the rebuild shall have read.
            stood = await self._live.stood()
            others = {p: stood.get(p, end) for p, end in others.items()}
        async with self._database.transaction() as tx:
            await mark.hold(tx, self._worker)
            await mark.note_until(tx, noted | others)

    async def _unread(self) -> int:
        """Records before the noted ends that are not in the database."""
        async with self._database.transaction() as tx:
            stored, until = await offsets.stored(tx), await mark.untils(tx)
        topics = await self._runtime.read_topics()
        return sum(max(0, end - stored.get(p, 0)) for p, end in until.items() if p.topic in topics)

    # -- reading

    async def _read(self) -> None:
        """Read the topics up to where reading ends. A lost broker or database is waited for, as always."""
        topics = await self._runtime.read_topics()
        async with self._database.transaction() as tx:
            until = {p: end for p, end in (await mark.untils(tx)).items() if p.topic in topics}
        consumer = self._runtime.make_consumer(until=until)
        follower = self._runtime.follower
        assert follower is not None
        tasks = {
            asyncio.create_task(consumer.run(), name="consumer"),
            asyncio.create_task(follower.run(), name="shops"),
        }
        watch = asyncio.create_task(self._tell(consumer, until), name="progress")
        try:
            done, _ = await asyncio.wait({*tasks, watch}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await consumer.stop()
            await follower.stop()
            watch.cancel()
            await asyncio.wait({*tasks, watch}, timeout=15)

    async def _tell(self, consumer: EventConsumer, until: dict[Position, int]) -> None:
        """Say how far it is every few seconds. Raises CannotRebuild when reading has stopped until somebody acts."""
        began, first, reported = time.monotonic(), None, 0.0
        while consumer.stopped is None:
            await asyncio.sleep(LOOK_EVERY_S)
            if time.monotonic() - reported < REPORT_EVERY_S:
                continue
            reported = time.monotonic()
            try:
                async with self._database.transaction() as tx:
                    stored = await offsets.stored(tx)
            except Exception as error:
                if not passes(error):
                    raise
                continue
            read = sum(min(stored.get(p, 0), end) for p, end in until.items())
            first = read if first is None else first
            seconds, all_ = reported - began, sum(until.values())
            rate = (read - first) / seconds if seconds > 0 else 0.0
            waits = f"; it waits: {consumer.paused}" if consumer.paused else ""
            self._say(
                "reading",
                f"{read:,} of {all_:,} records, {seconds:.0f} s, {rate:,.0f} a second{waits}",
                read=read,
                all=all_,
                seconds=round(seconds, 1),
                rate=round(rate, 1),
            )
        raise CannotRebuild(f"reading stopped: {consumer.stopped}")

    # -- announcements

    async def _note_announced(self) -> None:
        """Note what the own topics say, from where that was left."""
        async with self._database.transaction() as tx:
            aside = {row.topic for row in await tx.fetch("select distinct topic from rebuilt_facts")}
            until = await mark.untils(tx)
        for topic in sorted(owned_topics(self._service.name) if self._folds else aside):
            ends = {p: end for p, end in until.items() if p.topic == topic}
            await self._patiently(lambda topic=topic, ends=ends: self._note_topic(topic, ends))  # type: ignore[misc]

    async def _note_topic(self, topic: str, ends: dict[Position, int]) -> None:
        async with self._database.transaction() as tx:
            stands = await mark.announced(tx, topic)
        reader = Reader(self._servers, topic, client=f"{self._service.name}-rebuild-own", since=stands)
        read, reported = 0, time.monotonic()
        try:
            while any(stands.get(p, 0) < end for p, end in ends.items()) and not await reader.at_end():
                records = [r for r in await reader.read() if r.offset < ends.get(Position(topic, r.partition), 0)]
                if not records:
                    continue
                nexts = announcements.nexts_of(records)
                async with self._database.transaction() as tx:
                    await mark.hold(tx, self._worker)
                    await announcements.note_announced(tx, topic, records)
                    await mark.save_announced(tx, nexts)
                stands.update(nexts)
                read += len(records)
                if time.monotonic() - reported > REPORT_EVERY_S:
                    reported = time.monotonic()
                    self._say("comparing", f"{read:,} of its own facts on {topic} noted so far", read=read)
        finally:
            await reader.close()

    async def _settle(self) -> int:
        """Put into the outbox what the own topics do not say; the number of facts. Begun anew whenever it is called."""
        facts, reported = 0, time.monotonic()
        async with self._database.transaction() as tx:
            await mark.hold(tx, self._worker)
            await announcements.forget_settled(tx)
        after: CustomerKey | None = None
        for topic in sorted(owned_topics(self._service.name)) if self._folds else ():
            while True:
                async with self._database.transaction() as tx:
                    await mark.hold(tx, self._worker)
                    after, put = await announcements.settle_customers(tx, topic, after, self._service.revised)
                facts += put
                if after is None:
                    break
                if time.monotonic() - reported > REPORT_EVERY_S:
                    reported = time.monotonic()
                    self._say("comparing", f"compared up to customer {'/'.join(after)}", facts=facts)
        seq: int | None = 0
        while seq is not None:
            async with self._database.transaction() as tx:
                await mark.hold(tx, self._worker)
                seq, put = await announcements.settle_others(tx, seq)
            facts += put
        return facts

    async def _patiently(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do it, again where a server was away; what it does is idempotent, or goes on where it stands."""
        wait = FIRST_WAIT_S
        while True:
            try:
                return await work()
            except Exception as error:
                if not passes(error) and not isinstance(error, BrokerUnavailable):
                    raise
                self._say("waiting", f"a server is away ({type(error).__name__}): again in {wait:g} s")
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT_S)

"""Kafka's topics and five databases that were set back to one instant, made to agree.

The databases lie in one server, whose log orders all their transactions, so an instant of it is one of all of them:
what a service had read by then, another had committed before. Kafka is ahead: it holds what was published since. A
record belongs to the instant where one of these holds, and otherwise was made later:

- it stood there when the base backup began;
- a service had read past it by the instant;
- its producer's outbox holds it: whatever is published was committed there first, and stays for a day at least;
- it was published half a day before the instant, by Kafka's time of the record: clocks agree by more than that.

The other way round, what an outbox calls published and the copy of the topic lacks is published again, where it was
published after the archive was complete. Of before it each copy has everything: else it is an older one than the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import asyncpg

from common.bus.broker import Position, Producer, Record, Topic, cluster_id, ensure_topics
from common.events.topics import TOPICS
from regulars.backups.archive import INTAKE, KEEP_EVERYTHING, Archive, Base
from regulars.backups.copying import ELSEWHERE, places, read_copy
from regulars.backups.notes import NOTED, Notes
from regulars.backups.photos import bring_back
from regulars.backups.records import send_records
from regulars.backups.restoring import A_WEEK, point_at
from regulars.stack.databases import dsn, in_database
from regulars.stack.errors import StackError

_TOGETHER = 5_000
_OUTBOX = timedelta(days=1)
"""The least OUTBOX_DAYS."""
_LONG_AGO = _OUTBOX / 2
"""An outbox holds what was published after it, and clocks may differ by it."""
_FORGET = "dead."
"""Topics of which records go by time: where their copies stand says nothing."""


@dataclass(slots=True)
class Lost:
    """Facts of one service from after the instant: how many of each type, and when they were published (UTC)."""

    by_type: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None

    def add(self, type_: str, at: datetime) -> None:
        self.by_type[type_] += 1
        self.first = min(self.first or at, at)
        self.last = max(self.last or at, at)


@dataclass(slots=True)
class Outcome:
    """What a restore has found.

    `newest`: when each service recorded its newest fact that is there. `again`: how many of its facts are published
    anew. `noted`: how many of the lost facts people must know. `left`: messages that were handed off after the instant,
    and do not leave again. `held`: nothing leaves until erasures and opt-outs were done again. `unread`: records of
    shops' intake topics that nobody had read at the instant and that the archive holds no more, at most. `photos`: how
    many were brought, and of how many the archive has none.
    """

    last: datetime | None = None
    newest: dict[str, datetime | None] = field(default_factory=dict)
    lost: dict[str, Lost] = field(default_factory=dict)
    again: dict[str, int] = field(default_factory=dict)
    noted: int = 0
    left: int = 0
    held: bool = False
    unread: int = 0
    photos: tuple[int, int] = (0, 0)


class Agreement:
    """Fills an empty Kafka from an archive, so that it agrees with databases that stand at the instant."""

    def __init__(
        self,
        archive: Archive,
        base: Base,
        at: datetime | None,
        admin_url: str,
        servers: str,
        say: Callable[[str], None],
    ) -> None:
        self._archive, self._base, self._at = archive, base, at
        self._admin_url, self._servers, self._say = admin_url, servers, say
        self._long_ago = (at or archive.until() or base.began) - _LONG_AGO
        self._databases: dict[str, asyncpg.Connection] = {}
        self._read: dict[Position, int] = {}
        """The furthest that any service has read."""
        self._missing: dict[str, set[str]] = {}
        """By service: published since the archive was complete, and not found in it so far."""
        self._waiting = Counter[str]()
        """By service: facts that were not published, or not marked so."""
        self.outcome = Outcome()

    async def make(
        self, services: Mapping[str, str], others: Sequence[str], photos: Path | None, noted: Path
    ) -> Outcome:
        """`services`: the database of each service that publishes; `others`: further databases; `noted`: the file of
        lost facts that people must know. Raises StackError."""
        async with AsyncExitStack() as stack:
            for service, database in services.items():
                url = in_database(self._admin_url, database)
                connection = await asyncpg.connect(dsn(url), timeout=10)
                stack.push_async_callback(connection.close)
                self._databases[service] = connection
                await self._look_at(service, connection)
            check_copies(self._archive, self._base, {} if self._at is None else self._read)
            if self._at is None:
                self._check_lacking()
            async with Notes.into(noted, self._databases.get("messaging")) as notes:
                former = await self._fill(notes)
                await self._check_met()
            self.outcome.noted, self.outcome.left, self.outcome.held = notes.number, notes.left, notes.asked > 0
            cluster = await cluster_id(self._servers)
            for database in (*services.values(), *others):
                await point_at(in_database(self._admin_url, database), former, cluster)
            for service, connection in self._databases.items():
                self.outcome.again[service] = await _publish_again(connection, self._missing[service])
            if photos is not None and "feedback" in self._databases:
                wanted = await self._databases["feedback"].fetch(
                    "select stored_as from photos where stored_as is not null"
                )
                self.outcome.photos = bring_back(self._archive.folder, [row["stored_as"] for row in wanted], photos)
        return self.outcome

    async def _look_at(self, service: str, connection: asyncpg.Connection) -> None:
        for row in await connection.fetch("select topic, partition, next from offsets"):
            place = Position(row["topic"], row["partition"])
            self._read[place] = max(self._read.get(place, 0), row["next"])
        # Looked up by id, which has no index: nobody else asks so.
        await connection.execute("create temporary table known as select distinct id from outbox")
        await connection.execute("create unique index on known (id)")
        await connection.execute("analyze known")
        if self._at is None and (last := await connection.fetchval("select pg_last_xact_replay_timestamp()")):
            self._long_ago = last - _LONG_AGO
            if (until := self._archive.until()) is not None and last - until > _OUTBOX:
                raise StackError(
                    f"the copies of the topics are complete up to {until.isoformat()}, PostgreSQL's log reaches to"
                    f" {last.isoformat()}, and outboxes need not hold what was published between: empty the new servers"
                    f" and restore with --at {until.isoformat()}"
                )
        self.outcome.newest[service] = await connection.fetchval("select max(recorded_at) from outbox")
        self.outcome.lost[service] = Lost()
        self._waiting[service] = await connection.fetchval("select count(*) from outbox where published_at is null")
        until = self._archive.until()
        late = await connection.fetch("select id from outbox where published_at >= $1", until)
        self._missing[service] = {row["id"] for row in late}
        # These a complete archive has; each goes as it is met. What goes by time or key may be gone from its topic.
        await connection.execute("create temporary table owed (id text primary key, topic text not null)")
        await connection.execute(
            """
            insert into owed select id, aggregatetype from outbox
            where published_at >= $1 and published_at < $2 and aggregatetype = any($3::text[]) on conflict do nothing
            """,
            *(self._base.began, until, sorted(KEEP_EVERYTHING)),
        )
        await connection.execute("analyze owed")

    def _check_lacking(self) -> None:
        """Without an instant PostgreSQL's log may reach beyond the copies: what was read then stands in the outboxes.

        Raises StackError where these have fewer facts than the copies lack.
        """
        owners, lacking = {topic.name: topic.owner for topic in TOPICS}, Counter[str]()
        for place, next_ in self._read.items():
            if place.topic in owners and not place.topic.startswith(_FORGET):
                stands = places(place.topic, self._archive.topic(place.topic, self._base.name)).get(place, 0)
                lacking[owners[place.topic]] += max(0, next_ - stands)
        for service, number in lacking.items():
            if number > self._waiting[service] + len(self._missing.get(service, ())):
                raise StackError(
                    f"the copies lack {number} records of {service} that others have read, and its outbox does not have"
                    f" as many: restore with --at {self._archive.until()}, which says which folder is too old"
                )

    async def _check_met(self) -> None:
        """Raises StackError where a service had published what no copy has, though the archive was complete then."""
        for service, connection in self._databases.items():
            if rows := await connection.fetch("select topic, id, count(*) over () as number from owed limit 3"):
                ids = ", ".join(f"{row['id']} of {row['topic']}" for row in rows)
                raise StackError(
                    f"{service} had published {rows[0]['number']:,} facts by then that no copy has ({ids}): the topic's"
                    f" folder is older than the rest of the archive; {ELSEWHERE}"
                )

    async def _fill(self, notes: Notes) -> dict[Position, list[int]]:
        ours = {topic.name: topic for topic in TOPICS}
        names = self._archive.topics(self._base.name)
        partitions = {name: 1 + max((p.partition for p in self._positions(name)), default=0) for name in names}
        wanted = [
            Topic(
                name,
                max(partitions[name], ours[name].partitions if name in ours else 0),
                ours[name].config if name in ours else A_WEEK,
            )
            for name in names
        ]
        await ensure_topics(self._servers, wanted)
        producer, former = Producer(self._servers, client="regulars-restore"), dict[Position, list[int]]()
        try:
            await producer.start()
            for topic in names:
                owner = ours[topic].owner if topic in ours else ""
                sent = await send_records(producer, self._of_the_instant(topic, owner, notes))
                former |= {Position(topic, partition): offsets for partition, offsets in sent.items()}
                self._say(f"{topic}: {sum(map(len, sent.values())):,} records")
        finally:
            await producer.stop()
        return former

    def _positions(self, topic: str) -> Iterator[Position]:
        for each in (*self._base.ends, *self._read, *self._places(topic)):
            if each.topic == topic:
                yield each

    def _places(self, topic: str) -> dict[Position, int]:
        """Of a shop's intake that is damaged nothing is known, and the rest is restored."""
        try:
            return places(topic, self._archive.topic(topic, self._base.name))
        except StackError as error:
            if not topic.startswith(INTAKE):
                raise
            self._say(f"{topic}: how many of its records are lost is not known ({error})")
            return {}

    async def _of_the_instant(self, topic: str, owner: str, notes: Notes) -> AsyncIterator[Record]:
        records = read_copy(topic, self._archive.topic(topic, self._base.name))
        if topic.startswith(INTAKE):
            for record in self._intake(topic, records):
                yield record
            return
        while together := list(islice(records, _TOGETHER)):
            unsure = [_id(record) for record in together if not self._surely(record)]
            known = set[str]()
            if owner not in self._databases:
                raise StackError(f"{topic} holds records of {owner}, of which there is no database")
            met = [_id(record) for record in together if _at(record) >= self._base.began - _LONG_AGO]
            if topic in KEEP_EVERYTHING and met:
                await self._databases[owner].execute("delete from owed where id = any($1::text[])", met)
            if unsure:
                rows = await self._databases[owner].fetch("select id from known where id = any($1::text[])", unsure)
                known = {row["id"] for row in rows}
            for record in together:
                if self._surely(record) or _id(record) in known:
                    self._missing[owner].discard(_id(record))
                    yield record
                else:
                    type_ = record.headers.get("type", b"").decode()
                    self.outcome.lost[owner].add(type_, _at(record))
                    if record.value is not None and type_ in NOTED:
                        await notes.add(record.value)

    def _surely(self, record: Record) -> bool:
        place = Position(record.topic, record.partition)
        stood = max(self._base.ends.get(place, 0), self._read.get(place, 0))
        return record.offset < stood or _at(record) < self._long_ago

    def _intake(self, topic: str, records: Iterator[Record]) -> Iterator[Record]:
        """What a shop wrote by the instant and nobody had read; what was read since is gone from the archive."""
        ends, held = self._places(topic), Counter[Position]()
        for record in records:
            place = Position(topic, record.partition)
            if record.offset < self._read.get(place, 0):
                continue
            if self._at is None or _at(record) <= self._at:  # by the shop's clock: what is left out may be of before
                held[place] += record.offset < ends.get(place, 0)
                yield record
        self.outcome.unread += sum(max(0, end - self._read.get(place, 0) - held[place]) for place, end in ends.items())


def check_copies(archive: Archive, base: Base, read: Mapping[Position, int]) -> None:
    """Raises StackError where no copy has what stood at the base backup, or was `read` by the instant, and where it is
    not known what one has."""
    ours, there = {topic.name for topic in TOPICS}, archive.topics(base.name)
    for topic in there:
        if topic in ours:
            places(topic, archive.topic(topic, base.name))
    for place in sorted({*base.ends, *read}):
        if place.topic not in ours:
            continue
        folder = archive.topic(place.topic, base.name)
        if place.topic not in there:
            raise StackError(f"{folder} is not there: {ELSEWHERE}")
        stands, end = places(place.topic, folder).get(place, 0), max(base.ends.get(place, 0), read.get(place, 0))
        if stands < end and not place.topic.startswith(_FORGET):
            raise StackError(
                f"{folder} is older than the rest of the archive: it ends at {stands} of {place}, of which {end}"
                f" records had stood there by then; {ELSEWHERE}"
            )


def _id(record: Record) -> str:
    return record.headers.get("id", b"").decode()


def _at(record: Record) -> datetime:
    return datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)


async def _publish_again(connection: asyncpg.Connection, missing: set[str]) -> int:
    """Facts that were published, and whose records no archive has, wait for the relay as they did before."""
    done: str = await connection.execute(
        "update outbox set published_at = null where id = any($1::text[]) and published_at is not null", list(missing)
    )
    return int(done.split()[-1])

"""A pulse of an archive while the copies that it waits for are ended."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from common.bus.broker import Position, Record
from regulars.backups import base_backups, pulse, topic_copies
from regulars.backups.archive import STATUS, Archive, name_of, write_json
from regulars.backups.archiving import Archiving, _lasting
from regulars.backups.base_backups import BaseBackups
from regulars.backups.copying import CopyFailed, TopicCopy, read_copy
from regulars.backups.pulse import Pulse
from regulars.backups.servers import Servers
from regulars.backups.topic_copies import Key, Running, TopicCopies
from regulars.stack.errors import StackError

from .archives import DAY, NOON, lay_base

OLD, YOUNG = ("customer-keys", name_of(NOON)), ("customer-keys", name_of(NOON + DAY))
NOWHERE = Servers("", "", None, ())


class Connection:
    """PostgreSQL, whose log is received once it is said so."""

    received = False

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def fetchval(self, query: str, *_: Any) -> Any:
        if "exists" in query:
            self.asked.set()
        known = {"clock": datetime.now(UTC), "exists": self.received, "tablespace": 0}
        return next((value for word, value in known.items() if word in query), "0/1")

    async def execute(self, *_: Any) -> None: ...


class Ends:
    at: Mapping[Position, int] = {}
    begin = 0

    async def ends(self, _: Any) -> Mapping[Position, int]:
        return self.at

    async def starts(self, places: Any) -> dict[Position, int]:
        return dict.fromkeys(places, self.begin)


class Copy(TopicCopy):
    whole = True

    def __init__(self, *what: Any) -> None:
        super().__init__(*what)
        self.asked = asyncio.Event()

    def has(self, ends: Mapping[Position, int]) -> bool:
        self.asked.set()
        return super().has(ends) and self.whole


class At(Pulse):
    """At these servers."""

    def __init__(self, archive: Archive, copies: TopicCopies) -> None:
        super().__init__(archive, lambda: NOWHERE, "", copies)
        self.connection, self.ends = Connection(), Ends()

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[Any]:
        yield self.connection, self.ends


class Here:
    """An archive whose servers are these, with its youngest base backup."""

    def __init__(self, folder: Path) -> None:
        self.archive = Archive(folder)
        self.copies = TopicCopies(self.archive, lambda: NOWHERE)
        self.pulse = At(self.archive, self.copies)
        self.archiving = Archiving(self.archive, lambda: NOWHERE, every=DAY, keep=DAY, say=print)
        self.bases = BaseBackups(self.archive, lambda: NOWHERE, self.copies, self.pulse, every=DAY, keep=DAY, say=print)
        lay_base(self.archive, NOON, NOON)

    def add(self, key: Key) -> Copy:
        copy = Copy(lambda: "", key[0], self.archive.topic(*key))
        self.copies._running[key] = Running(copy, asyncio.create_task(asyncio.sleep(900)))
        return copy

    async def pulses(self) -> None:
        """A single one."""
        await asyncio.wait_for(self.archiving._pulses(self.pulse, last=True), 10)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Here]:
    here = Here(tmp_path)
    yield here
    await here.copies.end(here.copies.known())


async def test_it_goes_on_with_those_of_the_younger_base_backup(here: Here) -> None:
    here.add(OLD)
    pulses = asyncio.create_task(here.pulses())
    await here.pulse.connection.asked.wait()
    here.add(YOUNG)
    lay_base(here.archive, NOON + DAY, NOON + DAY)
    await here.copies.end([OLD])
    here.pulse.connection.received = True
    await pulses
    assert here.archiving.until is not None
    assert here.archive.until() == here.archiving.until


async def test_the_copies_of_the_former_base_backup_are_whole_up_to_the_younger_ones_first_instant(here: Here) -> None:
    """An instant between a last pulse of before and it is restored from them."""
    here.pulse.connection.received = True
    former, _ = here.add(OLD), here.add(YOUNG)
    former.whole = False
    usable = asyncio.create_task(here.bases._usable(YOUNG[1]))
    await asyncio.wait_for(former.asked.wait(), 10)
    assert not usable.done()
    former.whole = True
    await asyncio.wait_for(usable, 10)


async def test_a_copy_of_the_former_one_that_failed_for_good_holds_up_no_younger_one(here: Here) -> None:
    """Dead letters whose topic was made anew: the younger one's copies are whole."""
    here.pulse.connection.received = True
    former, _ = here.add(OLD), here.add(YOUNG)

    async def failed() -> None:
        raise CopyFailed(here.archive.topic(*OLD), "made anew")

    here.copies._running[OLD] = Running(former, asyncio.create_task(failed()))
    _, whole = await asyncio.wait_for(here.bases._usable(YOUNG[1]), 10)
    assert not whole


async def test_a_log_that_ends_before_its_copy_is_another_one_and_stays_so_when_it_has_grown(here: Here) -> None:
    """Made anew, it has grown past the copy's place by the time of the next pulse; or the command is started again."""
    here.pulse.connection.received = True
    place = Position(OLD[0], 0)
    copy = here.add(OLD)
    copy._write([Record(OLD[0], 0, 99, b"k", b"v", {}, 1)])
    copy._close()
    await here.pulses()
    until = here.archive.until()
    assert until is not None
    for end in (5, 100, 101):
        here.pulse.ends.at = {place: end}
        with pytest.raises(CopyFailed, match="copied up to 100, and Kafka ends at 5"):
            await here.pulses()
    with pytest.raises(CopyFailed, match="copied up to 100, and Kafka ends at 5"):
        here.add(OLD)
    assert here.archive.until() == until
    with pytest.raises(StackError, match=f"had failed, .* restore with --at {re.escape(until.isoformat())}"):
        here.archive.base_for(None)
    assert here.archive.base_for(until).name == OLD[1]
    here.add(YOUNG)
    here.pulse.ends.at = {}
    _, whole = await asyncio.wait_for(here.bases._usable(YOUNG[1]), 10)
    assert not whole, "the next base backup has a copy of its own"


async def test_a_base_backup_whose_own_copies_failed_is_given_up_and_waits_not_for_ever(here: Here) -> None:
    here.pulse.connection.received = True
    here.add(OLD)
    copy = here.add(YOUNG)
    copy._write([Record(OLD[0], 0, 99, b"k", b"v", {}, 1)])
    copy._close()
    here.pulse.ends.at = {Position(OLD[0], 0): 5}
    with pytest.raises(CopyFailed):
        await asyncio.wait_for(here.bases._usable(YOUNG[1]), 10)


async def test_a_base_backup_that_has_its_name_keeps_its_copies_though_the_command_is_ended_then(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM while a copy of the former one is amid a write, which its end waits for."""

    async def begin(_: TopicCopies, base: str | None = None) -> None:
        assert base is not None
        here.add((OLD[0], base))

    async def base_backup(_: str, folder: Path) -> None:
        (folder / "base.tar.gz").touch()
        (folder / "backup_manifest").write_text('{"WAL-Ranges": [{"Timeline": 1, "Start-LSN": "0/3000028"}]}')

    async def amid_a_write() -> None:
        try:
            await asyncio.sleep(900)
        finally:
            await asyncio.sleep(0.5)

    monkeypatch.setattr(TopicCopies, "begin", begin)
    monkeypatch.setattr(base_backups, "base_backup", base_backup)
    here.pulse.connection.received = True
    here.copies._running[OLD] = Running(here.add(OLD), asyncio.create_task(amid_a_write()))
    write_json(here.archive.folder / STATUS, {"until": (NOON + DAY).isoformat()})
    taking = asyncio.create_task(here.bases._take(NOON + DAY))
    while here.archive.youngest() != YOUNG[1]:
        await asyncio.sleep(0.01)
    taking.cancel()
    await asyncio.gather(taking, return_exceptions=True)
    assert (here.archive.topic(*YOUNG) / "places.json").exists()
    assert here.archive.base_for(None).name == YOUNG[1]


async def test_a_copy_that_cannot_be_begun_stops_no_other_and_nothing_counts_without_it(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing_read(_: Servers) -> dict[Any, int]:
        return {}

    async def names(_: str) -> list[str]:
        return ["customers", "orders"]

    monkeypatch.setattr(topic_copies, "read_of_intake", nothing_read)
    monkeypatch.setattr(topic_copies, "topic_names", names)
    monkeypatch.setattr(pulse, "read_of_intake", nothing_read)
    here.pulse.connection.received = True
    damaged = here.archive.topic("customers", OLD[1]) / "places.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{")
    await here.copies.begin(OLD[1])
    assert list(here.copies._running) == [("orders", "all")]
    with pytest.raises(StackError, match=r"places.json cannot be read"):
        await here.pulses()
    assert here.archiving.until is None
    damaged.unlink()
    await here.copies.begin(OLD[1])
    await here.pulses()
    assert here.archiving.until is not None


async def test_what_a_shop_wrote_stays_no_longer_than_in_kafka(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """SEC-006: nobody reads a topic whose intake is switched off; Kafka drops it by its time, or it is deleted."""
    here.pulse.connection.received = True
    place = Position("intake.tea", 0)
    copy = here.add((place.topic, "all"))
    for offset in (4, 5):
        copy._write([Record(place.topic, 0, offset, b"", b"Ann, 1 Lane", {}, 1)])
        copy._close()
    here.pulse.ends.at, here.pulse.ends.begin = {place: 6}, 5
    await here.pulses()
    assert [each.offset for each in read_copy(place.topic, copy.folder)] == [5]

    async def nothing(_: Any) -> Any:
        return {}

    monkeypatch.setattr(topic_copies, "read_of_intake", nothing)
    monkeypatch.setattr(topic_copies, "topic_names", nothing)
    await here.copies.begin()
    assert copy.folder.exists()
    monkeypatch.setattr(topic_copies, "_WEEK_S", -1.0)
    await here.copies.begin()
    assert not copy.folder.parent.exists()
    assert here.copies.known() == []


async def test_it_says_what_it_waits_for(here: Here) -> None:
    here.add(OLD).whole = False
    for received, said in ((False, "the copy of customer-keys, PostgreSQL's log"), (True, "the copy of customer-keys")):
        here.pulse.connection.received = received
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(here.archiving._pulses(here.pulse, last=True), 0.3)
        assert here.pulse.waits_for == said


async def test_work_that_is_cancelled_from_within_is_a_fault_and_from_without_none() -> None:
    async def within() -> None:
        raise asyncio.CancelledError

    with pytest.raises(StackError, match="within ended"):
        await _lasting(within())
    task = asyncio.create_task(_lasting(asyncio.sleep(900)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

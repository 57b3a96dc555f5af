"""A pulse of an archive while the copies that it waits for are ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from regulars.backups import pulse, topic_copies
from regulars.backups.archive import Archive, name_of
from regulars.backups.archiving import Archiving, _lasting
from regulars.backups.base_backups import BaseBackups
from regulars.backups.copying import CopyFailed
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
        return datetime.now(UTC) if "clock" in query else self.received if "exists" in query else "0/1"

    async def execute(self, *_: Any) -> None: ...


class Ends:
    async def ends(self, _: Any) -> dict[Any, int]:
        return {}

    starts = ends


class Copy:
    topic = OLD[0]
    whole = True

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    def has(self, _: Any) -> bool:
        self.asked.set()
        return self.whole


class At(Pulse):
    """At these servers."""

    def __init__(self, archive: Archive, copies: TopicCopies) -> None:
        super().__init__(archive, lambda: NOWHERE, "", copies)
        self.connection = Connection()

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[Any]:
        yield self.connection, Ends()


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
        copy = Copy()
        self.copies._running[key] = Running(copy, asyncio.create_task(asyncio.sleep(900)))  # type: ignore[arg-type]
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

    here.copies._running[OLD] = Running(former, asyncio.create_task(failed()))  # type: ignore[arg-type]
    _, whole = await asyncio.wait_for(here.bases._usable(YOUNG[1]), 10)
    assert not whole


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

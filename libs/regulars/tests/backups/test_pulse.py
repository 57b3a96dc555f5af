"""A pulse of an archive while the copies that it waits for are ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from regulars.backups import archiving as module
from regulars.backups.archive import STATUS, Archive
from regulars.backups.archiving import Archiving, _lasting
from regulars.backups.copying import CopyFailed
from regulars.backups.servers import Servers
from regulars.stack.errors import StackError

OLD, YOUNG = ("customer-keys", "old"), ("customer-keys", "young")


class Connection:
    """PostgreSQL, whose log is received once it is said so."""

    received = False

    async def fetchval(self, query: str, *_: Any) -> Any:
        return datetime.now(UTC) if "clock" in query else self.received if "exists" in query else "0/1"

    async def execute(self, *_: Any) -> None: ...


class Ends:
    async def ends(self, _: Any) -> dict[Any, int]:
        return {}

    starts = ends


class Copy:
    topic = OLD[0]
    whole = True

    def has(self, _: Any) -> bool:
        return self.whole


class Here(Archiving):
    """An archive whose servers are these."""

    def __init__(self, folder: Path) -> None:
        servers = Servers("", "", None, ())
        day = timedelta(days=1)
        super().__init__(Archive(folder), lambda: servers, every=day, keep=day, say=print)
        self.connection, self.base = Connection(), OLD

    def add(self, key: tuple[str, str]) -> Copy:
        copy = Copy()
        self._copies[key] = copy, asyncio.create_task(asyncio.sleep(900))  # type: ignore[assignment]
        return copy

    def _youngest(self) -> str | None:
        return self.base[1]

    @asynccontextmanager
    async def _looking(self) -> AsyncIterator[Any]:
        yield self.connection, Ends()


async def test_it_goes_on_with_those_of_the_younger_base_backup(tmp_path: Path) -> None:
    archiving = Here(tmp_path)
    archiving.add(OLD)
    pulse = asyncio.create_task(archiving._pulses(last=True))
    await asyncio.sleep(0.2)
    archiving.add(YOUNG)
    archiving.base = YOUNG
    await archiving._end([OLD])
    archiving.connection.received = True
    await asyncio.wait_for(pulse, 10)
    assert archiving.until is not None
    assert json.loads((tmp_path / STATUS).read_text()) == {"until": archiving.until.isoformat()}
    await archiving._end([YOUNG])


async def test_the_copies_of_the_former_base_backup_are_whole_up_to_the_younger_ones_first_instant(
    tmp_path: Path,
) -> None:
    """An instant between a last pulse of before and it is restored from them."""
    archiving = Here(tmp_path)
    archiving.connection.received = True
    former, _ = archiving.add(OLD), archiving.add(YOUNG)
    former.whole = False
    usable = asyncio.create_task(archiving._usable(YOUNG[1]))
    await asyncio.sleep(0.2)
    assert not usable.done()
    former.whole = True
    await asyncio.wait_for(usable, 10)
    await archiving._end([OLD, YOUNG])


async def test_a_copy_of_the_former_one_that_failed_for_good_holds_up_no_younger_one(tmp_path: Path) -> None:
    """Dead letters whose topic was made anew: the younger one's copies are whole."""
    archiving = Here(tmp_path)
    archiving.connection.received = True
    archiving.add(OLD)
    archiving.add(YOUNG)

    async def failed() -> None:
        raise CopyFailed(tmp_path / OLD[1], "made anew")

    archiving._copies[OLD] = archiving._copies[OLD][0], asyncio.create_task(failed())
    _, whole = await asyncio.wait_for(archiving._usable(YOUNG[1]), 10)
    assert not whole
    await archiving._end([OLD, YOUNG])


async def test_a_copy_that_cannot_be_begun_stops_no_other_and_nothing_counts_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing_read(_: Servers) -> dict[Any, int]:
        return {}

    async def names(_: str) -> list[str]:
        return ["customers", "orders"]

    monkeypatch.setattr(module, "read_of_intake", nothing_read)
    monkeypatch.setattr(module, "topic_names", names)
    archiving = Here(tmp_path)
    archiving.connection.received = True
    damaged = tmp_path / "topics" / "customers" / "all" / "places.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{")
    await archiving._copy(OLD[1])
    assert list(archiving._copies) == [("orders", "all")]
    with pytest.raises(StackError, match=r"places.json cannot be read"):
        await archiving._pulses(last=True)
    assert archiving.until is None
    damaged.unlink()
    await archiving._copy(OLD[1])
    await asyncio.wait_for(archiving._pulses(last=True), 10)
    assert archiving.until is not None
    await archiving._end(list(archiving._copies))


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

"""When base backups are made, and what is removed after them."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from regulars.backups import base_backups
from regulars.backups.archive import Archive
from regulars.backups.base_backups import BaseBackups
from regulars.backups.pulse import Pulse
from regulars.backups.servers import Servers
from regulars.backups.topic_copies import TopicCopies
from regulars.stack.errors import StackError
from regulars.testing import MigratedDatabase

from .archives import DAY, lay_base

MIGRATIONS = Path(__file__).parents[4] / "services" / "messaging" / "migrations"


class Here(BaseBackups):
    """Those of an archive where they are made at once."""

    taken = 0

    async def _take(self, began: datetime) -> None:
        self.taken += 1
        lay_base(self._archive, began, began)


@dataclass
class World:
    """An archive with a base backup that no instant needs any more, and one that is needed; nothing waits for long."""

    archive: Archive
    here: Here
    past: str
    said: list[str]

    async def until(self, word: str) -> None:
        while not any(word in line for line in self.said):
            await asyncio.sleep(0.02)


@pytest.fixture
async def world(database_from: MigratedDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(base_backups, "_SAY_S", 0.05)
    monkeypatch.setattr(base_backups, "_AGAIN_S", 0.05)
    archive, said, now = Archive(tmp_path), list[str](), datetime.now(UTC)
    archive.wal.mkdir()
    past, _ = (lay_base(archive, began, began) for began in (now - 9 * DAY, now - 5 * DAY))
    at = Servers(await database_from(MIGRATIONS), "", None, ())
    copies = TopicCopies(archive, lambda: at)
    pulse = Pulse(archive, lambda: at, "", copies)
    here = Here(archive, lambda: at, copies, pulse, every=DAY, keep=3 * DAY, say=said.append)
    return World(archive, here, past, said)


async def test_what_could_not_be_removed_is_said_so_and_tried_again_without_another_base_backup(world: World) -> None:
    in_the_way = world.archive.base(f".{world.past}") / "PG_VERSION"
    in_the_way.parent.mkdir()
    in_the_way.touch()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        task = group.create_task(world.here.run())
        await world.until("was not removed, it is tried again")
        assert world.archive.base(world.past).exists()
        in_the_way.unlink()
        in_the_way.parent.rmdir()
        await world.until(f"base backup {world.past} was removed")
        task.cancel()
    assert world.here.taken == 1
    assert not any("no base backup" in line for line in world.said), world.said


async def test_what_is_left_of_one_that_could_be_removed_in_part_is_removed_then(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-006: keys of who was erased lie in it, and the process may run for months."""
    keys = world.archive.topic("customer-keys", world.past)
    keys.mkdir(parents=True)
    real, failed = shutil.rmtree, False

    def rmtree(folder: Path, ignore_errors: bool = False) -> None:
        nonlocal failed
        if not failed:
            failed = True
            raise OSError(5, "Input/output error", str(folder))
        real(folder, ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        task = group.create_task(world.here.run())
        await world.until("was not removed, it is tried again")
        while keys.exists() or any((world.archive.folder / "base").glob(f"*{world.past}")):
            await asyncio.sleep(0.02)
        task.cancel()


async def test_one_that_fails_is_tried_again_ever_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reads the whole cluster, and may fill the disk that log and copies need."""
    tried: list[float] = []

    async def take(began: datetime) -> None:
        tried.append(time.monotonic())
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(world.here, "_take", take)
    task = asyncio.create_task(world.here.run())
    try:
        async with asyncio.timeout(60):
            while len(tried) < 5:
                await asyncio.sleep(0.02)
    finally:
        task.cancel()
    waited = [later - former for former, later in pairwise(tried)]
    assert all(seconds >= least for seconds, least in zip(waited, (0.05, 0.1, 0.2, 0.4), strict=True)), waited


def test_none_is_begun_that_has_less_room_than_the_last_one_took(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.here._check_room()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1))
    with pytest.raises(StackError, match="has 1 bytes left, and the last base backup took"):
        world.here._check_room()

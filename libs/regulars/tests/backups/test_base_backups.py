"""When base backups are made, and what is removed after them."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from regulars.backups import archiving
from regulars.backups.archive import BASE, Archive, Base, name_of, write_json
from regulars.backups.archiving import Archiving
from regulars.backups.servers import Servers
from regulars.testing import MigratedDatabase

MIGRATIONS = Path(__file__).parents[4] / "services" / "messaging" / "migrations"
DAY = timedelta(days=1)


def made(archive: Archive, began: datetime) -> str:
    """A base backup, as far as it is looked at here."""
    name = name_of(began)
    archive.base(name).mkdir(parents=True)
    write_json(archive.base(name) / BASE, Base(name, began, began, "000000010000000000000003", {}).to_json())
    return name


class Here(Archiving):
    """An archive whose base backups are made at once."""

    taken = 0

    async def _take_base(self, began: datetime) -> None:
        self.taken += 1
        made(self._archive, began)


async def until(said: list[str], word: str) -> None:
    while not any(word in line for line in said):
        await asyncio.sleep(0.02)


async def test_what_could_not_be_removed_is_said_so_and_tried_again_without_another_base_backup(
    database_from: MigratedDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "_SAY_S", 0.05)
    monkeypatch.setattr(archiving, "AGAIN_S", 0.05)
    archive, said, now = Archive(tmp_path), list[str](), datetime.now(UTC)
    archive.wal.mkdir()
    past, _ = made(archive, now - 9 * DAY), made(archive, now - 5 * DAY)
    in_the_way = archive.base(f".{past}") / "PG_VERSION"
    in_the_way.parent.mkdir()
    in_the_way.touch()
    servers = Servers(await database_from(MIGRATIONS), "", None, ())
    here = Here(archive, lambda: servers, every=DAY, keep=3 * DAY, say=said.append)
    task = asyncio.create_task(here._bases())
    try:
        async with asyncio.timeout(60):
            await until(said, "was not removed, it is tried again")
            assert archive.base(past).exists()
            in_the_way.unlink()
            in_the_way.parent.rmdir()
            await until(said, f"base backup {past} was removed")
        assert here.taken == 1
        assert not any("no base backup" in line for line in said), said
    finally:
        task.cancel()


async def test_what_is_left_of_one_that_could_be_removed_in_part_is_removed_then(
    database_from: MigratedDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-006: keys of who was erased lie in it, and the process may run for months."""
    monkeypatch.setattr(archiving, "_SAY_S", 0.05)
    monkeypatch.setattr(archiving, "AGAIN_S", 0.05)
    archive, said, now = Archive(tmp_path), list[str](), datetime.now(UTC)
    archive.wal.mkdir()
    past, _ = made(archive, now - 9 * DAY), made(archive, now - 5 * DAY)
    keys = archive.topic("customer-keys", past)
    keys.mkdir(parents=True)
    real, failed = shutil.rmtree, False

    def rmtree(folder: Path, ignore_errors: bool = False) -> None:
        nonlocal failed
        if not failed:
            failed = True
            raise OSError(5, "Input/output error", str(folder))
        real(folder, ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    servers = Servers(await database_from(MIGRATIONS), "", None, ())
    task = asyncio.create_task(Here(archive, lambda: servers, every=DAY, keep=3 * DAY, say=said.append)._bases())
    try:
        async with asyncio.timeout(60):
            await until(said, "was not removed, it is tried again")
            while keys.exists() or any((tmp_path / "base").glob(f"*{past}")):
                await asyncio.sleep(0.02)
    finally:
        task.cancel()

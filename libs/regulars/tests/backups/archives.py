"""Archives as far as they are looked at without servers."""

from __future__ import annotations

import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from common.bus.broker import Position
from regulars.backups.archive import ABOUT, BASE, STATUS, VERSION, Archive, Base, name_of, write_json

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST = "000000010000000000000003"
"""The segment of the log with which each base backup begins."""


def archive_with(folder: Path, *began: datetime, until: datetime | None = None) -> Archive:
    """Base backups that were usable an hour after they began."""
    archive = Archive(folder)
    folder.mkdir(exist_ok=True)
    write_json(archive.folder / ABOUT, {"version": VERSION})
    for each in began:
        lay_base(archive, each, each + HOUR)
    if until is not None:
        write_json(archive.folder / STATUS, {"until": until.isoformat()})
    return archive


def lay_base(archive: Archive, began: datetime, usable: datetime) -> str:
    """A base backup, as far as it is looked at; its name."""
    name = name_of(began)
    archive.base(name).mkdir(parents=True)
    base = Base(name, began, usable, FIRST, {Position("orders", 3): 7})
    write_json(archive.base(name) / BASE, base.to_json())
    return name


def pack_base(folder: Path) -> None:
    (folder / "PG_VERSION").write_text("18\n")
    with tarfile.open(folder / "base.tar.gz", "w:gz") as packed:
        packed.add(folder / "PG_VERSION", "PG_VERSION")

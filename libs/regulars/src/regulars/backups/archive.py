"""The folder that `regulars backup --continuous` fills, from which a restore to any instant is made.

    archive.json        of which installation: Kafka's cluster, PostgreSQL's system, the master key's fingerprint
    status.json         up to when it is complete
    base/<name>/        a base backup as pg_basebackup packs it, and base.json
    wal/                PostgreSQL's log, as pg_receivewal writes it
    topics/<topic>/all/ what was published on a topic that keeps everything, from its first record on; of a shop's
                        intake what orders-ingest has not read yet
    topics/<topic>/<name>/  of one that forgets (keys, dead letters): its records for the base backup of that name
    topics/<topic>/*/failed.json    why that copy goes on no more, for good
    photos/, photos-gone/   customers' photos; those that are gone from feedback's folder

Names of base backups are instants, and sort as these do.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from common.bus.broker import Position
from common.events.topics import TOPICS
from regulars.stack.errors import StackError

ABOUT, STATUS, BASE, FAILED, VERSION = "archive.json", "status.json", "base.json", "failed.json", 2
ALWAYS, INTAKE = "all", "intake."
KEEP_EVERYTHING = frozenset(topic.name for topic in TOPICS if topic.config.get("retention.ms") == "-1")


@dataclass(frozen=True, slots=True)
class Base:
    """A base backup. `began`, `usable`: an instant from `usable` on can be reached from it.

    `ends`: of each partition the offset after the last record that stood there when it began. `segment`: the first one
    of the log that it needs. `after`: where a copy of the former base backup had failed for good, up to when that is of
    use; instants between it and `usable` are lost.
    """

    name: str
    began: datetime
    usable: datetime
    segment: str
    ends: dict[Position, int]
    after: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """For `base.json`."""
        ends = [[position.topic, position.partition, end] for position, end in sorted(self.ends.items())]
        return {
            "began": self.began.isoformat(),
            "usable": self.usable.isoformat(),
            "segment": self.segment,
            "ends": ends,
            "after": self.after and self.after.isoformat(),
        }

    @classmethod
    def load(cls, folder: Path) -> Base:
        """Of the folder of the base backup."""
        raw = json.loads((folder / BASE).read_text())
        ends = {Position(topic, partition): end for topic, partition, end in raw["ends"]}
        began, usable = datetime.fromisoformat(raw["began"]), datetime.fromisoformat(raw["usable"])
        after = raw["after"] and datetime.fromisoformat(raw["after"])
        return cls(folder.name, began, usable, raw["segment"], ends, after)


@dataclass(frozen=True, slots=True)
class Archive:
    """The folder, and where in it things lie."""

    folder: Path

    @property
    def wal(self) -> Path:
        return self.folder / "wal"

    def base(self, name: str) -> Path:
        return self.folder / "base" / name

    def topic(self, topic: str, base: str) -> Path:
        """Its copy for a restore from that base backup."""
        return self.folder / "topics" / topic / (ALWAYS if has_one_copy(topic) else base)

    def topics(self, base: str) -> list[str]:
        """Those of which there is a copy for a restore from that base backup; ours in our order, then the shops'."""
        folders = {path.name: self.topic(path.name, base) for path in (self.folder / "topics").glob("*")}
        # Of a shop's first topic the folder alone is there where the command was killed then, or the disk was full.
        there = sorted(
            topic
            for topic, folder in folders.items()
            if folder.is_dir() and not (topic.startswith(INTAKE) and not any(folder.glob("[!.]*")))
        )
        ours = [topic.name for topic in TOPICS if topic.name in there]
        return [*ours, *(name for name in there if name not in ours)]

    def about(self) -> dict[str, Any]:
        """Raises StackError where the folder is no archive, or one of another release."""
        try:
            about: dict[str, Any] = json.loads((self.folder / ABOUT).read_text())
        except (OSError, ValueError):
            raise StackError(f"{self.folder} is no continuous backup: it has no readable {ABOUT}") from None
        if about["version"] != VERSION:
            raise StackError(f"{self.folder} was written by another release: restore it with that one")
        return about

    def until(self) -> datetime | None:
        """Up to when everything is here: committed by any service, and published; None: nothing was completed yet."""
        try:
            return datetime.fromisoformat(json.loads((self.folder / STATUS).read_text())["until"])
        except FileNotFoundError:
            return None

    def bases(self) -> list[Base]:
        """Oldest first."""
        return [Base.load(file.parent) for file in sorted((self.folder / "base").glob(f"[!.]*/{BASE}"))]

    def youngest(self) -> str | None:
        """The name of the base backup that was made last."""
        bases = self.bases()
        return bases[-1].name if bases else None

    def drop(self, name: str) -> None:
        """Remove a base backup and what was copied for it; of what fails, `drop_unfinished` removes the rest."""
        self.base(name).rename(self.base(f".{name}"))
        self.drop_unfinished()

    def drop_unfinished(self) -> None:
        """Remove what is left of base backups that were being made or removed, while none is being made.

        Keys of who was erased would stay for ever.
        """
        names = {ALWAYS, *(base.name for base in self.bases())}
        unfinished = [folder for folder in (self.folder / "base").glob("*") if folder.name not in names]
        copies = [folder for folder in self.folder.glob("topics/*/*") if folder.name not in names]
        for folder in [*copies, *unfinished]:
            if folder.is_dir():
                shutil.rmtree(folder)

    def base_for(self, at: datetime | None) -> Base:
        """The youngest base backup from which the instant can be reached; None: the last one. Raises StackError."""
        bases, until = self.bases(), self.until()
        if not bases or until is None:
            raise StackError(f"{self.folder} holds no complete base backup yet: nothing can be restored from it")
        fit = [base for base in bases if at is None or base.usable <= at]
        if not fit:
            raise StackError(f"{at} is too long ago: {self.folder} reaches back to {bases[0].usable.isoformat()}")
        if at is not None and at > until:
            raise StackError(
                f"{at} was not reached: {self.folder} is complete up to {until.isoformat()}; without --at everything "
                "that it holds is restored"
            )
        if at is not None:
            for base in bases[len(fit) :]:
                if base.after is not None and at > base.after:
                    raise StackError(
                        f"{at} cannot be restored: a copy had failed, and {self.folder} is whole up to"
                        f" {base.after.isoformat()}, and again from {base.usable.isoformat()} on"
                    )
        else:
            for topic in self.topics(fit[-1].name):
                # What services had read by the end of PostgreSQL's log are places of another log than the copy's.
                if (why := failure(self.topic(topic, fit[-1].name))) is not None:
                    raise StackError(
                        f"the copy of {topic} had failed, and {self.folder} is whole up to {until.isoformat()}: restore"
                        f" with --at {until.isoformat()} ({why})"
                    )
        return fit[-1]


def failure(folder: Path) -> str | None:
    """Why the copy in the folder goes on no more; None where it does."""
    try:
        return str(json.loads((folder / FAILED).read_text())["why"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError) as error:
        return f"{folder / FAILED} cannot be read: {error}"


def has_one_copy(topic: str) -> bool:
    """Whether one copy of the topic serves all base backups: it keeps everything, or is a shop's intake.

    Keys of who was erased leave a topic that forgets, and an archive with the base backups of before.
    """
    return topic in KEEP_EVERYTHING or topic.startswith(INTAKE)


def past(bases: list[Base], now: datetime, keep: timedelta) -> list[Base]:
    """The base backups that no instant of the last `keep` needs; never the youngest one."""
    return [base for base, next_ in pairwise(bases) if next_.usable <= now - keep]


def name_of(instant: datetime) -> str:
    """Of a base backup that begins at the instant."""
    return instant.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def write_json(file: Path, content: dict[str, Any]) -> None:
    """The file is the old or the new one whole, whatever is killed."""
    aside = file.with_name(f".{file.name}")
    with aside.open("w") as output:
        json.dump(content, output, indent=1)
        output.flush()
        os.fsync(output.fileno())
    os.replace(aside, file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name, too, is on the disk when this returns
    finally:
        os.close(folder)

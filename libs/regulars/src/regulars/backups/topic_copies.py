"""The copies of topics that an archive keeps while it is filled: one a topic, or one a base backup (`has_one_copy`)."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from common.bus.broker import topic_names
from common.events.topics import TOPICS
from regulars.backups.archive import ALWAYS, INTAKE, Archive, has_one_copy
from regulars.backups.copying import CopyFailed, TopicCopy
from regulars.backups.servers import Servers, read_of_intake
from regulars.stack.errors import StackError

_WEEK_S = 7 * 86_400.0
Key = tuple[str, str]
"""A topic, and the name of its copy's folder: copies for two base backups stand side by side while one is made."""


class Superseded(Exception):
    """The copies for a base backup were ended, since there is a younger one."""


@dataclass(frozen=True, slots=True)
class Running:
    """A copy, and the task that goes on with it."""

    copy: TopicCopy
    task: asyncio.Task[None]

    def check(self) -> None:
        """Raises Superseded where it was ended, CopyFailed and OSError where it ended by itself."""
        if self.task.cancelled():
            raise Superseded(self.copy.topic)
        if self.task.done():
            self.task.result()  # it ends by nothing else but a fault: a full disk


class TopicCopies:
    """Those of one archive that are under way. `servers` is asked anew whenever a connection is lost."""

    def __init__(self, archive: Archive, servers: Callable[[], Servers]) -> None:
        self._archive, self._servers = archive, servers
        self._running: dict[Key, Running] = {}
        self._faults: dict[Key, OSError | CopyFailed] = {}
        """Why a copy could not be begun."""
        self.beginning = asyncio.Lock()
        """Held while copies are begun, and while a base backup takes the place of the former one."""

    def known(self) -> list[Key]:
        """Also of those that could not be begun."""
        return [*self._running, *self._faults]

    def serving(self, bases: Iterable[str | None]) -> list[Running]:
        """Those for a restore from any of these base backups. Raises why one could not be begun."""
        wanted = set(bases)
        for (topic, folder), error in self._faults.items():
            if has_one_copy(topic) or folder in wanted:
                raise error
        return [each for (topic, folder), each in self._running.items() if has_one_copy(topic) or folder in wanted]

    async def begin(self, base: str | None = None) -> None:
        """Have every topic copied for restores from that base backup, None: the youngest one, if there is one.

        A copy that ended by a fault is begun again; one that cannot be begun stops no other, and each pulse says why.
        """
        ours, servers = [topic.name for topic in TOPICS], self._servers()
        read, names = await read_of_intake(servers), await topic_names(servers.kafka)
        async with self.beginning:
            if base is None and (base := self._archive.youngest()) is None:
                return
            await self._drop_left(names)
            for topic in names:
                if topic not in ours and not topic.startswith(INTAKE):
                    continue
                folder = self._archive.topic(topic, base)
                key = topic, folder.name
                if key in self._running and not self._running[key].task.done():
                    continue
                since = {place: end for place, end in read.items() if place.topic == topic}
                try:
                    copy = await asyncio.to_thread(TopicCopy, self._kafka, topic, folder, since)
                except (OSError, StackError) as error:
                    self._faults[key] = error if isinstance(error, OSError) else CopyFailed(folder, str(error))
                    continue
                self._faults.pop(key, None)
                self._running[key] = Running(copy, asyncio.create_task(copy.run()))

    async def _drop_left(self, names: Collection[str]) -> None:
        """What a shop wrote on a topic that is gone goes a week after, as in Kafka: nobody reads it (SEC-006)."""
        for folder in self._archive.folder.glob(f"topics/{INTAKE}*/{ALWAYS}"):
            topic = folder.parent.name
            if topic not in names and max(map(_changed, (folder, *folder.iterdir()))) < time.time() - _WEEK_S:
                await self.end([(topic, ALWAYS)])
                await asyncio.to_thread(shutil.rmtree, folder.parent)

    async def end(self, keys: Iterable[Key]) -> None:
        """These go on no more; what they have copied stays."""
        ending = []
        for key in keys:
            self._faults.pop(key, None)
            if (running := self._running.pop(key, None)) is not None:
                ending.append(running.task)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    def _kafka(self) -> str:
        return self._servers().kafka


def _changed(path: Path) -> float:
    return path.stat().st_mtime

"""Events kept on disk until the service has answered for them: what `send` returned from is told, whatever is killed.

A file of SQLite, which is written through before `send` returns. A batch is removed after its answer; killed between
the two it is sent again, under the same ids, and counts once.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from regulars_client.answers import Outcome, Refused
from regulars_client.calls import BATCH, batches, encoded
from regulars_client.events import Event

Sender = Callable[[Sequence[bytes]], Sequence[Outcome]]
IDLE_S = 5.0
_OF_CONTENT = frozenset({"malformed_json", "body_too_large", "too_large", "nested_too_deeply", "too_many_fields"})
"""What is wrong with what was sent. All else (a wrong key, a shop not set up) is mended elsewhere, and events wait."""
_log = logging.getLogger(__name__)
_SCHEMA = """
create table if not exists waiting (number integer primary key autoincrement, event blob not null);
create table if not exists refused (number integer primary key, event blob not null, slug text, detail text);
"""


class SpooledRefusal(NamedTuple):
    """An event that the service has refused, kept until somebody has looked at it."""

    number: int
    event: bytes
    slug: str | None
    detail: str | None


class Spool:
    """Of use to several threads and processes. `start` tells in the background, `flush` now.

    While the service is away, events wait. Those refused are set aside (`refusals`) and hold up nothing.
    """

    def __init__(self, path: Path | str, sender: Sender, idle_s: float = IDLE_S) -> None:
        self._path, self._sender, self._idle_s = str(path), sender, idle_s
        self._connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=30)
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = full")
        self._connection.executescript(_SCHEMA)
        self._lock, self._telling = threading.Lock(), threading.Lock()
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self.trouble: str | None = None
        """Why telling in the background went wrong last, None once it went well: events wait, and are told again."""

    def send(self, *events: Event) -> None:
        """Keep the events, all or none; they are on disk when this returns, and are told in their order."""
        self._write("insert into waiting (event) values (?)", [(encoded(event.told()),) for event in events])
        self._wake.set()

    def flush(self) -> int:
        """Tell all that waits; returns how many were taken, new or duplicate. Raises RegularsError when the service is
        away or refuses the request itself (a wrong key); everything then waits on."""
        told = 0
        with self._telling:
            while rows := self._next():
                for batch in batches(event for _, event in rows):
                    numbers = [number for number, _ in rows[: len(batch)]]
                    rows = rows[len(batch) :]
                    told += self._tell(numbers, batch)
        return told

    @property
    def waiting(self) -> int:
        """Events that were not told yet."""
        return int(self._read("select count(*) from waiting")[0][0])

    def refusals(self) -> list[SpooledRefusal]:
        """What was refused and nobody has forgotten."""
        return [SpooledRefusal(*row) for row in self._read("select number, event, slug, detail from refused")]

    def forget(self, numbers: Iterable[int]) -> None:
        """Remove refusals by their numbers."""
        self._write("delete from refused where number = ?", [(number,) for number in numbers])

    def start(self) -> Spool:
        """Tell in the background from now on: at once what comes, and every few seconds what waits."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="regulars-spool", daemon=True)
            self._thread.start()
        return self

    def close(self) -> None:
        """Stop telling; what waits stays on disk for the next time."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self._connection.close()

    def __enter__(self) -> Spool:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self._idle_s)
            self._wake.clear()
            try:
                self.flush()
            except Exception as error:  # whatever it is (a full disk, too): what was kept is told some day
                self.trouble = f"{type(error).__name__}: {error}"
                _log.warning("events wait to be told: %s", self.trouble)
                self._stopping.wait(self._idle_s)
            else:
                self.trouble = None

    def _tell(self, numbers: Sequence[int], batch: Sequence[bytes]) -> int:
        try:
            outcomes = self._sender(batch)
        except Refused as error:
            # One event may make a whole request unreadable: it is found by halves.
            if error.slug not in _OF_CONTENT:
                raise
            if len(batch) > 1:
                half = len(batch) // 2
                return self._tell(numbers[:half], batch[:half]) + self._tell(numbers[half:], batch[half:])
            outcomes = [Outcome(status="refused", slug=error.slug, detail=error.detail)]
        refused = [
            (number, event, outcome.slug, outcome.detail)
            for number, event, outcome in zip(numbers, batch, outcomes, strict=True)
            if outcome.status == "refused"
        ]
        with self._writing() as connection:
            connection.executemany("insert or replace into refused values (?, ?, ?, ?)", refused)
            connection.executemany("delete from waiting where number = ?", [(number,) for number in numbers])
        return len(numbers) - len(refused)

    def _next(self) -> list[tuple[int, bytes]]:
        rows = self._read("select number, event from waiting order by number limit ?", BATCH)
        return [(int(number), bytes(event)) for number, event in rows]

    def _read(self, sql: str, *values: object) -> list[Any]:
        with self._lock:
            return list(self._connection.execute(sql, values))

    def _write(self, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
        with self._writing() as connection:
            connection.executemany(sql, rows)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it, or nothing."""
        with self._lock:
            self._connection.execute("begin immediate")
            try:
                yield self._connection
                self._connection.execute("commit")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise

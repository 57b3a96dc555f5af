"""What does not fit into memory while a file is read: temporary files and databases, gone when they are closed."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from common.refusals import NotNow

PREFIX = "regulars-import-"
LEFT_AFTER_S = 60.0
"""A folder without a lock may be one that was made just now, until it is so old."""
NO_ROOM = 28
"""With which the parser ends where the disk is full."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class DiskFull(NotNow):
    """There is no room for temporary files."""

    retry_after_s = 60

    def __init__(self) -> None:
        super().__init__(
            "disk_full",
            "The service has no room to read the file now; nothing of it was taken. Whoever runs the service makes room"
            " where its temporary files are (TMPDIR): some times the size of the file.",
        )


def is_full(error: BaseException) -> bool:
    """Whether it says that a disk is full."""
    if isinstance(error, sqlite3.OperationalError):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in _FULL


@contextmanager
def needing_room() -> Iterator[None]:
    """Raises DiskFull where the block finds the disk full."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise DiskFull from None
        raise


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that is gone afterwards; what a killed process left is removed by the next one (`remove_left_folders`).

    Raises DiskFull where it, or what the block writes, finds no room.
    """
    _remove_once()
    with needing_room(), tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        lock = os.open(name, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield Path(name)
        finally:
            os.close(lock)


@cache
def _remove_once() -> None:
    remove_left_folders()


def remove_left_folders() -> int:
    """Remove folders of files that were being read when their process was killed; how many there were.

    A folder in use is locked by its process, of whatever container: a lock ends with its process.
    """
    removed = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # no folder, gone, or another user's
        try:
            if time.time() - os.fstat(lock).st_mtime < LEFT_AFTER_S:
                continue
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        else:
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
        finally:
            os.close(lock)
    return removed


def temporary_database(*statements: str) -> sqlite3.Connection:
    """An empty SQLite database in which the statements were run; 32 MB of it are held in memory."""
    database = sqlite3.connect("", isolation_level=None)
    # Nothing of it outlives the process, so nothing is made durable.
    settings = ("pragma journal_mode = off", "pragma synchronous = off", "pragma cache_size = -32768")
    for statement in (*settings, *statements):
        database.execute(statement)
    return database

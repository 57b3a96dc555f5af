"""PostgreSQL's data folder out of a base backup and the log, to be recovered to an instant by PostgreSQL itself."""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil
import stat
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import asyncpg

from regulars.backups.archive import Archive, Base
from regulars.backups.segments import segments, unpack
from regulars.stack.databases import dsn
from regulars.stack.errors import StackError

SETTINGS = ("restore_command", "recovery_target_time", "recovery_target_action", "recovery_target_timeline")
_LOOK_S, _PIECE = 0.2, 1 << 20


def lay_out(archive: Archive, base: Base, at: datetime | None, data: Path, owner: tuple[int, int] | None) -> None:
    """Fill `data`, which is not there or empty, so that a server that is started on it recovers to `at`, and goes on.

    `at` None: to the end of the log. `owner`: the account of the server, where it is another. The log is unpacked into
    the folder `<data>-log` beside it, which `clear` removes. Raises StackError; then nothing is left of either, and a
    folder that was there is empty.
    """
    if data.exists() and any(data.iterdir()):
        raise StackError(f"{data} holds something: name a folder that is empty or not there")
    log = log_beside(data)
    if "'" in str(log) or '"' in str(log) or "%" in str(log):
        raise StackError(f"{log}: name a folder without quotes and per cent signs")
    if log.exists():
        raise StackError(f"{log} is there: remove it, or name another folder; the log is to be unpacked into it")
    found = segments(archive.wal, base.segment)
    stood = data.stat() if data.exists() else None
    try:
        _unpack(archive.base(base.name) / "base.tar.gz", found, data, log)
        _tell(data, log, at)
        for folder in (data, log):
            for path in (folder, *folder.rglob("*")):
                path.chmod(0o700 if path.is_dir() else 0o600)
                if owner is not None:
                    os.chown(path, *owner)
    except BaseException:
        shutil.rmtree(log, ignore_errors=True)
        if stood is None:
            shutil.rmtree(data, ignore_errors=True)
        else:
            _empty(data, stood)
        raise


def _empty(data: Path, stood: os.stat_result) -> None:
    """It may be a mount point, or be where its maker alone can make it: it stays, as it was."""
    for each in data.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each, ignore_errors=True)
        else:
            each.unlink(missing_ok=True)
    os.chmod(data, stat.S_IMODE(stood.st_mode))
    if (data.stat().st_uid, data.stat().st_gid) != (stood.st_uid, stood.st_gid):
        os.chown(data, stood.st_uid, stood.st_gid)


def _unpack(base: Path, found: Mapping[str, Sequence[Path]], data: Path, log: Path) -> None:
    log.mkdir(mode=0o700, parents=True)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    data.chmod(0o700)
    try:
        with gzip.open(base) as packed:
            with tarfile.open(fileobj=packed, mode="r:") as files:
                files.extractall(data, filter="data")
            while packed.read(_PIECE):  # up to its checksum
                pass
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise StackError(f"{base} is damaged: {error}") from None
    for segment, halves in found.items():
        unpack(halves, log / segment)


def _tell(data: Path, log: Path, at: datetime | None) -> None:
    """What the server reads when it is started."""
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write(f"restore_command = 'cp \"{log}/%f\" \"%p\"'\nrecovery_target_timeline = 'current'\n")
        if at is not None:
            settings.write(f"recovery_target_time = '{at.isoformat()}'\nrecovery_target_action = 'promote'\n")
    (data / "recovery.signal").touch(mode=0o600)


def log_beside(data: Path) -> Path:
    """Where the log lies that the server on this data folder recovers from."""
    return data.with_name(f"{data.name}-log")


async def recovered(url: str) -> datetime | None:
    """Wait until the server has ended its recovery; the time of the last transaction that it has, None: not known.

    While it replays what it needs to let anybody in, it says so. Raises StackError where it ends before, and does not
    answer.
    """
    while True:
        try:
            connection = await asyncpg.connect(dsn(url), timeout=10)
        except asyncpg.CannotConnectNowError:
            await asyncio.sleep(_LOOK_S)
            continue
        except (OSError, asyncpg.PostgresError, TimeoutError) as error:
            raise StackError(f"PostgreSQL did not recover: {error}; its log says why") from error
        try:
            if not await connection.fetchval("select pg_is_in_recovery()"):
                last: datetime | None = await connection.fetchval("select pg_last_xact_replay_timestamp()")
                return last
        finally:
            await connection.close()
        await asyncio.sleep(_LOOK_S)


async def forget_settings(url: str) -> None:
    """What the recovery was told is of no use to the next one."""
    connection = await asyncpg.connect(dsn(url), timeout=10)
    try:
        for name in SETTINGS:
            await connection.execute(f"alter system reset {name}")
    finally:
        await connection.close()


def clear(data: Path) -> None:
    """Remove the log that the recovery has read."""
    shutil.rmtree(log_beside(data), ignore_errors=True)

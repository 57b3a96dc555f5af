"""Files that were sent in parts are read, chunk after chunk; another process goes on behind what is stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import orjson
import structlog
from sqlalchemy import text

from common.process.runtime import Runtime
from common.storage.database import Database
from common.storage.failures import passes
from common.work.sweeps import Job as Sweep
from orders_ingest.archive.vault import Vault
from orders_ingest.imports import store_uploads as store
from orders_ingest.imports.layouts.layout import History
from orders_ingest.imports.layouts.registry import LAYOUTS
from orders_ingest.imports.lines import UnreadableFile
from orders_ingest.imports.parsing import ParserFailed, asked_of, parsed_lines
from orders_ingest.imports.staging import findings_of, insert_parsed
from orders_ingest.imports.store_uploads import Reading
from orders_ingest.imports.temporary import DiskFull, remove_left_folders
from orders_ingest.imports.uploads import count_of, nameless_file, open_part
from orders_ingest.metrics import IMPORTS_NO_ROOM

log = structlog.get_logger()
CHUNK = 2_000
CHUNK_BYTES = 8 << 20
"""Lines of the reader, and bytes of them, that are stored in one transaction."""
UNDONE = 5_000
IDLE_S = 1.0
NO_ROOM_S = 30.0
"""After a disk was found full."""
PRUNING = Sweep("import_parts", store.prune)


class LostTurn(Exception):
    """Another process has gone on with the file."""


class OtherReader(Exception):
    """What is stored was read by another version of the reader: the file is read anew."""


async def read_next(database: Database, vault: Vault, stopped: Callable[[], bool] = lambda: False) -> bool:
    """Read the oldest file that no other process reads; whether there was one.

    Killed or stopped at any point, the next call, here or in another process, goes on behind the rows that are stored.
    Raises DiskFull; the file waits then.
    """
    async with database.transaction() as tx:
        waiting = await store.list_readings(tx)
    for one in waiting:
        async with _turn(database, one) as mine:
            if not mine:
                continue
            async with database.transaction() as tx:
                now = {each.job: each for each in await store.list_readings(tx)}
            if (file := now.get(one.job)) is not None:
                await _read(database, vault, file, stopped)
                return True
    return False


@asynccontextmanager
async def _turn(database: Database, file: Reading) -> AsyncIterator[bool]:
    """Whether this process alone reads the file; a process that ends gives the lock up with its session."""
    async with database.engine.connect() as plain:
        session = await plain.execution_options(isolation_level="AUTOCOMMIT")
        lock = {"name": f"reading:{file.shop}:{file.job_id}"}
        asking = text("select pg_try_advisory_lock(hashtextextended(:name, 0))")
        try:
            yield bool((await session.execute(asking, lock)).scalar())
        finally:
            await session.invalidate()


async def _read(database: Database, vault: Vault, file: Reading, stopped: Callable[[], bool]) -> None:
    try:
        with nameless_file() as whole:
            await _put_together(database, vault, file, whole)
            try:
                await _copy(database, vault, file, whole, stopped)
            except OtherReader:
                await _undo(database, file)
                await _copy(database, vault, file._replace(copied=0, hash=None), whole, stopped)
    except LostTurn:
        log.info("import_read_elsewhere", shop=file.shop, job=file.job_id)
    except DiskFull as error:
        IMPORTS_NO_ROOM.inc()
        async with database.transaction() as tx:
            await store.say_waiting(tx, file.job, error.detail)
        raise
    except (UnreadableFile, ParserFailed) as error:
        if isinstance(error, ParserFailed):
            log.error("import_unread", shop=file.shop, job=file.job_id, detail=str(error))
        # Rows first: those of a job that has failed would never be taken.
        await _undo(database, file)
        async with database.transaction() as tx:
            await store.fail_reading(tx, file.job, _why(error))


def _why(error: UnreadableFile | ParserFailed) -> str:
    if isinstance(error, UnreadableFile):
        return f"{error.slug}: {error.detail}. Nothing was taken; import the same upload again in another way."
    return "The reader of this layout failed, which is a mistake of ours: nothing was taken. The log says more."


async def _put_together(database: Database, vault: Vault, file: Reading, whole: BinaryIO) -> None:
    for number in range(1, count_of(file.size) + 1):
        async with database.transaction() as tx:
            sealed = await store.get_part(tx, file.shop, file.upload_id, number)
        if sealed is None:
            raise UnreadableFile("parts_gone", f"Part {number} of the file is not kept any more: send it again")
        part = await asyncio.to_thread(open_part, vault, file.shop, file.upload_id, number, sealed)
        await asyncio.to_thread(whole.write, part)
    await asyncio.to_thread(whole.flush)


async def _undo(database: Database, file: Reading) -> None:
    while True:
        async with database.transaction() as tx:
            if not await store.undo_some(tx, file.job, UNDONE):
                return


async def _copy(database: Database, vault: Vault, file: Reading, whole: BinaryIO, stopped: Callable[[], bool]) -> None:
    asked = asked_of(_path(whole), None, LAYOUTS[file.layout], str(file.asked["encoding"]), _history(vault, file))
    async with parsed_lines(asked, whole.fileno()) as lines:
        sign = await asyncio.to_thread(_pass_over, lines, file)
        copied, read = file.copied, 0
        while chunk := await asyncio.to_thread(_take, lines):
            if stopped():
                raise LostTurn
            parsed: list[list[Any]] = [orjson.loads(line) for line in chunk]
            end = parsed.pop() if parsed[-1][0] in ("end", "unreadable") else None
            if end is not None and end[0] == "unreadable":
                raise UnreadableFile(end[1], end[2])
            read = max([read, *(line[1] for line in parsed if line[0] == "at")])
            for line in chunk[: len(parsed)]:
                sign.update(line)
            async with database.transaction() as tx:
                rows, bad = await insert_parsed(tx, vault, file.job, parsed)
                after = copied + len(parsed)
                if not await store.move_on(tx, file.job, copied, after, sign.digest(), read, rows, bad):
                    raise LostTurn
                if end is not None and not await store.end_reading(
                    tx, file.job, after, findings_of(end[1], end[2], end[3]), end[4]
                ):
                    raise LostTurn
            copied = after


def _pass_over(lines: BinaryIO, file: Reading) -> Any:
    """The hash of the lines that are stored, behind which reading goes on. Raises OtherReader."""
    sign = blake2b(digest_size=16)
    for _ in range(file.copied):
        sign.update(lines.readline())
    if file.copied and sign.digest() != file.hash:
        raise OtherReader
    return sign


def _take(lines: BinaryIO) -> list[bytes]:
    """The next lines, some; none at the end."""
    found: list[bytes] = []
    size = 0
    while len(found) < CHUNK and size < CHUNK_BYTES and (line := lines.readline()):
        found.append(line)
        size += len(line)
    return found


def _path(whole: BinaryIO) -> Path:
    """Under which the reader's process, which is handed the descriptor, opens the file from its beginning."""
    return Path(f"/dev/fd/{whole.fileno()}")


def _history(vault: Vault, file: Reading) -> History:
    asked: dict[str, Any] = file.asked
    history = History(
        file.shop, file.name, asked["currency"], ZoneInfo(asked["zone"]), asked["columns"], asked["decimals"]
    )
    return replace(history, hashing=vault.identifiers, until=datetime.fromisoformat(asked["until"]))


async def read_files(runtime: Runtime) -> None:
    """For the process's life: read what was sent; a lost database, or a full disk, is waited for."""
    vault = Vault(runtime.keys)
    if left := await asyncio.to_thread(remove_left_folders):
        log.info("import_folders_removed", folders=left)
    while not runtime.stopping.is_set():
        wait = IDLE_S
        try:
            if await read_next(runtime.database, vault, runtime.stopping.is_set):
                continue
        except DiskFull as error:
            log.warning("imports_without_room", detail=error.detail)
            wait = NO_ROOM_S
        except Exception as error:
            if not passes(error):
                raise
            log.warning("reading_paused", reason=type(error).__name__, detail=str(error)[:300])
        await runtime.idle(wait)

"""PostgreSQL's own programs, with the password in the environment: arguments are shown to every account."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from regulars.backups.segments import drop_aside, set_aside
from regulars.stack.databases import dsn
from regulars.stack.errors import StackError
from regulars.stack.postgres_binaries import find_binaries
from regulars.stack.process import Command, popen_options

_END_S = 10.0


async def dump(url: str, snapshot: str, file: Path) -> None:
    """The database as the snapshot shows it. Raises StackError with what pg_dump says."""
    await _run("pg_dump", url, _database(url), "--format=custom", f"--snapshot={snapshot}", f"--file={file}")


async def restore(url: str, owner: str, file: Path) -> None:
    """Into an empty database, whose everything then is the owner's. Raises StackError."""
    one = ("--exit-on-error", "--single-transaction")
    await _run("pg_restore", url, _database(url), "--no-owner", "--no-privileges", f"--role={owner}", *one, str(file))


async def base_backup(url: str, folder: Path) -> None:
    """All databases of the server into an empty folder, packed; the log is not part of it. Raises StackError."""
    packed = ("--format=tar", "--compress=client-gzip:3", "--wal-method=none", "--no-slot", "--checkpoint=fast")
    await _run("pg_basebackup", url, f"--pgdata={folder}", *packed, "--label=regulars")


async def clean_up_log(folder: Path, oldest: str) -> None:
    """Remove segments of before this one. Raises StackError."""
    await _run("pg_archivecleanup", None, "--strip-extension=.gz", str(folder), oldest)
    drop_aside(folder)


@asynccontextmanager
async def receiving_log(url: str, folder: Path, slot: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """pg_receivewal, which writes the server's log into the folder and flushes each part before it says that it has it.

    It ends by itself when the server goes; what it said is then read from its `stderr`.
    """
    how = ("--synchronous", "--compress=gzip:1", "--no-loop", "--status-interval=1", "--no-password")
    environment = _environment(url) | {"PGAPPNAME": slot}
    await asyncio.to_thread(set_aside, folder)
    process = await _start("pg_receivewal", environment, f"--directory={folder}", f"--slot={slot}", *how)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _END_S)
            except TimeoutError:
                process.kill()
                await process.wait()


def _database(url: str) -> str:
    return f"--dbname={urlsplit(dsn(url)).path.lstrip('/')}"


def _environment(url: str) -> dict[str, str]:
    parts = urlsplit(dsn(url))
    env = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    env |= {"PGPASSWORD": unquote(parts.password or ""), "PGHOST": parts.hostname or "", "LC_ALL": "C.UTF-8"}
    env |= {"PGPORT": str(parts.port or 5432), "PGUSER": unquote(parts.username or "")}
    for name, (value, *_) in parse_qs(parts.query).items():
        if name in ("sslmode", "sslrootcert"):
            env[f"PG{name.upper()}"] = value
    return env


async def _start(program: str, environment: dict[str, str], *arguments: str) -> asyncio.subprocess.Process:
    path = find_binaries() / program
    if not path.exists():
        raise StackError(f"there is no {path}: set PG_BIN to a folder that holds {program} of the server's version")
    # A pg_receivewal that outlives us would go on fetching, and nobody would see that the archive stands still.
    how = popen_options(Command(program, [str(path), *arguments], environment))
    return await asyncio.create_subprocess_exec(
        str(path), *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, **how
    )


async def _run(program: str, url: str | None, *arguments: str) -> None:
    """`url`: of the server to connect to; None: the program asks none."""
    connection = () if url is None else ("--no-password",)
    environment = {**os.environ, "LC_ALL": "C.UTF-8"} if url is None else _environment(url)
    process = await _start(program, environment, *connection, *arguments)
    try:
        _, said = await process.communicate()
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    if process.returncode:
        raise StackError(f"{program} failed: {said.decode(errors='replace').strip()[-800:]}")

"""pg_dump and pg_restore, with the password in the environment: arguments are shown to every account."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from regulars.stack.databases import dsn
from regulars.stack.errors import StackError
from regulars.stack.postgres_binaries import find_binaries


async def dump(url: str, snapshot: str, file: Path) -> None:
    """The database as the snapshot shows it. Raises StackError with what pg_dump says."""
    await _run("pg_dump", url, "--format=custom", f"--snapshot={snapshot}", f"--file={file}")


async def restore(url: str, owner: str, file: Path) -> None:
    """Into an empty database, whose everything then is the owner's. Raises StackError."""
    one = ("--exit-on-error", "--single-transaction")
    await _run("pg_restore", url, "--no-owner", "--no-privileges", f"--role={owner}", *one, str(file))


async def _run(program: str, url: str, *arguments: str) -> None:
    path = find_binaries() / program
    if not path.exists():
        raise StackError(f"there is no {path}: set PG_BIN to a folder that holds {program} of the server's version")
    parts = urlsplit(dsn(url))
    env = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    env |= {"PGPASSWORD": unquote(parts.password or ""), "PGHOST": parts.hostname or "", "LC_ALL": "C.UTF-8"}
    env |= {"PGPORT": str(parts.port or 5432), "PGUSER": unquote(parts.username or "")}
    for name, (value, *_) in parse_qs(parts.query).items():
        if name in ("sslmode", "sslrootcert"):
            env[f"PG{name.upper()}"] = value
    process = await asyncio.create_subprocess_exec(
        str(path),
        "--no-password",
        f"--dbname={parts.path.lstrip('/')}",
        *arguments,
        env=env,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode:
        raise StackError(f"{program} failed: {said.decode(errors='replace').strip()[-800:]}")

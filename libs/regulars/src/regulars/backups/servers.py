"""The servers of an installation that is backed up continuously: where they are, and that they are still the same."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from common.bus.broker import BrokerUnavailable, Position, cluster_id
from regulars.backups.archive import INTAKE
from regulars.backups.taking import READER
from regulars.stack.databases import dsn, in_database
from regulars.stack.errors import StackError

PASSING = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, BrokerUnavailable, StackError, TimeoutError)
"""What a server that is away, or starts, makes of a call: it is tried again."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Of an installation: a superuser's address of PostgreSQL, Kafka's, feedback's folder of photos; its databases."""

    postgres: str
    kafka: str
    photos: Path | None
    databases: Sequence[str]


class OtherInstallation(StackError):
    """The servers are not those that the archive is of."""


async def identity(servers: Servers, connection: asyncpg.Connection) -> dict[str, Any]:
    """By what the two servers are known again: Kafka's cluster; PostgreSQL's system, and which of its histories."""
    row = await connection.fetchrow(
        "select (select system_identifier::text from pg_control_system()) as system,"
        " (select timeline_id from pg_control_checkpoint()) as timeline"
    )
    assert row is not None
    return {"cluster": await cluster_id(servers.kafka), **dict(row)}


def check_same(about: Mapping[str, Any], here: Mapping[str, Any], folder: Path) -> None:
    """Raises OtherInstallation."""
    if any(about.get(name) != value for name, value in here.items()):
        raise OtherInstallation(
            f"{folder} is the backup of another installation, or of this one before it was restored or failed over: "
            "name a new folder, and keep that one as long as its time is of use"
        )


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """For the block; each statement has a minute."""
    connection = await asyncpg.connect(dsn(url), timeout=10, command_timeout=60)
    try:
        yield connection
    finally:
        with contextlib.suppress(*PASSING):
            await connection.close(timeout=5)


async def read_of_intake(servers: Servers) -> dict[Position, int]:
    """How far orders-ingest has read the shops' topics: what lies before stands sealed in its database."""
    if READER not in servers.databases:
        return {}
    async with connected(in_database(servers.postgres, READER)) as connection:
        rows = await connection.fetch("select topic, partition, next from offsets where starts_with(topic, $1)", INTAKE)
    return {Position(row["topic"], row["partition"]): row["next"] for row in rows}


def setting(name: str) -> str | None:
    """From the environment, else from the file of its name in SECRETS_DIR, as the services read theirs."""
    folder = os.environ.get("SECRETS_DIR")
    file = Path(folder, name.lower()) if folder else None
    from_file = file.read_text("utf-8").strip() if file is not None and file.is_file() else None
    return os.environ.get(name) or from_file or None

"""`regulars backup`: a folder with every database and topic as of one instant, while all goes on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from common.bus.broker import Position, cluster_id, topic_names
from common.crypto.sealing import derived_key, master_key_from
from common.events.topics import TOPICS, intake_topic
from regulars.backups.cut import cut
from regulars.backups.photos import PHOTOS, take_photos
from regulars.backups.programs import dump
from regulars.backups.records import write_topic
from regulars.stack.databases import dsn, in_database
from regulars.stack.errors import StackError

MANIFEST, VERSION = "manifest.json", 1
READER = "orders_ingest"
"""The database of who reads intake topics."""


def fingerprint(master_key: str) -> str:
    """Names the installation's master key without telling anything of it."""
    return hashlib.sha256(derived_key(master_key_from(master_key), "backups")).hexdigest()[:32]


async def back_up(
    target: Path,
    admin_url: str,
    servers: str,
    databases: Sequence[str],
    master_key: str,
    say: Callable[[str], None],
    *,
    photos: Path | None,
) -> None:
    """Write the backup into a folder that is not there yet. Killed, it leaves no folder of that name.

    `photos`: feedback's folder of them, None: there is none, or they lie in a bucket. The master key is not part of it.
    Raises StackError and BrokerUnavailable.
    """
    if target.exists():
        raise StackError(f"{target} is there already; a backup is never written over another: name a new folder")
    aside = target.with_name(f".{target.name}-unfinished")
    shutil.rmtree(aside, ignore_errors=True)
    (aside / "topics").mkdir(parents=True, mode=0o700)
    (aside / "databases").mkdir()
    aside.chmod(0o700)
    there = await topic_names(servers)
    intake = [name for name in there if name.startswith(intake_topic(""))]
    topics = [name for name in (*(topic.name for topic in TOPICS), *intake) if name in there]
    read = dict[Position, int]()
    async with cut(admin_url, databases, servers, topics) as instant:
        at = datetime.now(UTC).isoformat()
        if READER in databases:
            read = await _read_of_intake(in_database(admin_url, READER), instant.snapshots[READER])
        for name in databases:
            await dump(in_database(admin_url, name), instant.snapshots[name], aside / "databases" / f"{name}.dump")
            say(f"{name}: {(aside / 'databases' / f'{name}.dump').stat().st_size:,} bytes")
    counts = {}
    for topic in topics:
        file = aside / "topics" / f"{topic}.jsonl.gz"
        counts[topic] = await write_topic(servers, topic, instant.ends, file, starts=read)
        say(f"{topic}: {counts[topic]:,} records")
    taken = take_photos(photos, aside)
    if taken is not None:
        say(f"photos: {taken:,} files")
    partitions = {topic: sum(1 for position in instant.ends if position.topic == topic) for topic in topics}
    manifest = {
        "version": VERSION,
        "at": at,
        "cluster": await cluster_id(servers),
        "master_key": fingerprint(master_key),
        "databases": list(databases),
        "topics": {topic: {"partitions": partitions[topic], "records": counts[topic]} for topic in topics},
        PHOTOS: taken,
    }
    (aside / MANIFEST).write_text(json.dumps(manifest, indent=1))
    os.sync()  # what bears its name is on the disk
    os.rename(aside, target)
    say(f"{target} holds everything as of {at}; keep the master key apart from it, without which it cannot be read")


async def _read_of_intake(url: str, snapshot: str) -> dict[Position, int]:
    """How far intake topics had been read: what lies before is sealed in the database, and plain on the topic.

    An erasure takes the key of the one; a copy of the other would keep names and addresses for as long as the backup.
    """
    connection = await asyncpg.connect(dsn(url), timeout=10)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute(f"set transaction snapshot '{snapshot}'")
            rows = await connection.fetch(
                "select topic, partition, next from offsets where starts_with(topic, $1)", intake_topic("")
            )
    finally:
        await connection.close()
    return {Position(row["topic"], row["partition"]): row["next"] for row in rows}

"""`regulars restore`: databases and topics of a backup into empty servers, which nothing of ours uses meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import asyncpg

from common.bus.broker import LogEnds, Position, Producer, Topic, cluster_id, ensure_topics, topic_names
from common.events.topics import TOPICS
from regulars.backups.photos import bring_photos, check_photos
from regulars.backups.programs import restore
from regulars.backups.records import records_of, send_records, translated
from regulars.backups.taking import MANIFEST, VERSION, fingerprint
from regulars.stack.databases import dsn, in_database
from regulars.stack.errors import StackError

A_WEEK = {"retention.ms": "604800000"}
Former = Mapping[Position, list[int]]
"""By partition: the offsets that the restored records had."""


def manifest_of(backup: Path) -> dict[str, Any]:
    """What the folder holds. Raises StackError where it is no backup, or one of a newer release."""
    try:
        manifest: dict[str, Any] = json.loads((backup / MANIFEST).read_text())
    except (OSError, ValueError):
        raise StackError(f"{backup} is no backup: it has no readable {MANIFEST}") from None
    if manifest["version"] != VERSION:
        raise StackError(f"{backup} was written by another release: restore it with that one")
    return manifest


def check_key(manifest: Mapping[str, Any], master_key: str) -> None:
    """Raises StackError where another master key sealed what the backup holds."""
    if manifest["master_key"] != fingerprint(master_key):
        raise StackError(
            "the backup was made under another master key, without which nothing personal in it can be read: put that "
            "key back (secrets.json of the stack, or MASTER_KEY) and restore again"
        )


async def restore_all(
    backup: Path, admin_url: str, servers: str, say: Callable[[str], None], *, photos: Path | None
) -> None:
    """Fill databases, each of the role of its name, topics and the folder `photos`, that hold nothing.

    Raises StackError before it has written anything where they hold something, or a database is missing.

    Broken off, what it wrote must be emptied before it is called again, which it then says.
    """
    manifest = manifest_of(backup)
    check_photos(manifest, photos)
    await _check_empty(manifest, admin_url, servers)
    for name in manifest["databases"]:
        await restore(in_database(admin_url, name), name, backup / "databases" / f"{name}.dump")
        say(f"{name}: restored")
    former = await _topics(backup, manifest, servers, say)
    cluster = await cluster_id(servers)
    for name in manifest["databases"]:
        await point_at(in_database(admin_url, name), former, cluster)
    if brought := bring_photos(backup, manifest, photos):
        say(f"photos: {brought:,} files")
    say(f"everything is as of {manifest['at']}")


async def _check_empty(manifest: Mapping[str, Any], admin_url: str, servers: str) -> None:
    for name in manifest["databases"]:
        try:
            connection = await asyncpg.connect(dsn(in_database(admin_url, name)), timeout=10)
        except asyncpg.InvalidCatalogNameError:
            raise StackError(
                f"there is no database {name}: make it and its role first (deploy/postgres/init.sh, `regulars up`)"
            ) from None
        try:
            tables = await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'")
        finally:
            await connection.close()
        if tables:
            raise StackError(f"the database {name} has tables: a backup is restored into empty servers alone")
    await check_no_records(servers, manifest["topics"])


async def check_no_records(servers: str, topics: Collection[str]) -> None:
    """Raises StackError where one of the topics holds a record."""
    there = set(await topic_names(servers)) & set(topics)
    ends = LogEnds(servers, client="regulars-restore")
    try:
        filled = sorted({each.topic for each, end in (await ends.ends(there)).items() if end} if there else ())
    finally:
        await ends.close()
    if filled:
        raise StackError(f"the topics {', '.join(filled)} hold records: a backup is restored into an empty Kafka alone")


async def _topics(
    backup: Path, manifest: Mapping[str, Any], servers: str, say: Callable[[str], None]
) -> dict[Position, list[int]]:
    ours = {topic.name: topic.config for topic in TOPICS}
    wanted = [Topic(name, its["partitions"], ours.get(name, A_WEEK)) for name, its in manifest["topics"].items()]
    await ensure_topics(servers, wanted)
    producer, former = Producer(servers, client="regulars-restore"), dict[Position, list[int]]()
    try:
        await producer.start()
        for topic, its in manifest["topics"].items():
            sent = await send_records(producer, records_of(topic, backup / "topics" / f"{topic}.jsonl.gz"))
            former |= {Position(topic, partition): offsets for partition, offsets in sent.items()}
            if (number := sum(map(len, sent.values()))) != its["records"]:
                raise StackError(f"{topic} has {number} of {its['records']} records: the backup is damaged")
            say(f"{topic}: {number:,} records")
    finally:
        await producer.stop()
    return former


async def point_at(url: str, former: Former, cluster: str) -> None:
    """Let what the database says of the old cluster's log be true of the new one's."""
    connection = await asyncpg.connect(dsn(url), timeout=10)
    try:
        if not await connection.fetchval("select to_regclass('offsets') is not null"):
            return  # the console reads no topic
        async with connection.transaction():
            for row in await connection.fetch("select topic, partition, next from offsets"):
                offset = translated(row["next"], former.get(Position(row["topic"], row["partition"]), ()))
                await connection.execute(
                    "update offsets set next = $3, cluster = $4 where topic = $1 and partition = $2",
                    *(row["topic"], row["partition"], offset, cluster),
                )
            # A dead event whose record is gone keeps the old cluster's name: its place is no record's of this one.
            for row in await connection.fetch('select dead_id, topic, partition, "offset" from dead_events'):
                offsets = former.get(Position(row["topic"], row["partition"]), ())
                place = translated(row["offset"], offsets)
                if place < len(offsets) and offsets[place] == row["offset"]:
                    await connection.execute(
                        'update dead_events set "offset" = $2, cluster = $3 where dead_id = $1',
                        *(row["dead_id"], place, cluster),
                    )
            await connection.execute("update cluster set id = $1", cluster)
    finally:
        await connection.close()

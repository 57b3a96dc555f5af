"""`regulars backup`: a folder with every database and topic as of one instant, while all goes on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from common.bus.broker import cluster_id, topic_names
from common.crypto.sealing import derived_key, master_key_from
from common.events.topics import TOPICS, intake_topic
from regulars.backups.cut import cut
from regulars.backups.photos import PHOTOS, take_photos
from regulars.backups.programs import dump
from regulars.backups.records import write_topic
from regulars.stack.databases import in_database
from regulars.stack.errors import StackError

MANIFEST, VERSION = "manifest.json", 1


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
    async with cut(admin_url, databases, servers, topics) as instant:
        at = datetime.now(UTC).isoformat()
        for name in databases:
            await dump(in_database(admin_url, name), instant.snapshots[name], aside / "databases" / f"{name}.dump")
            say(f"{name}: {(aside / 'databases' / f'{name}.dump').stat().st_size:,} bytes")
    counts = {}
    for topic in topics:
        counts[topic] = await write_topic(servers, topic, instant.ends, aside / "topics" / f"{topic}.jsonl.gz")
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
    os.rename(aside, target)
    say(f"{target} holds everything as of {at}; keep the master key apart from it, without which it cannot be read")

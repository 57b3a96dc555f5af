"""The stack of a folder whose data a restore makes: empty before, its servers stopped after, and no half data left."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from regulars.backups.photos import PHOTOS
from regulars.stack.errors import StackError
from regulars.stack.kafka import KafkaCluster
from regulars.stack.postgres import PostgresServer


@contextmanager
def empty_stack(folder: Path, postgres: PostgresServer, kafka: KafkaCluster) -> Iterator[None]:
    """While the block starts the servers and fills them. Raises StackError where the folder holds data."""
    held = [postgres.directory / "data", kafka.directory, folder / PHOTOS]
    if any(place.exists() for place in held):
        raise StackError(f"{folder} holds the data of a stack: move it away, or name another --folder")
    try:
        yield
    except BaseException:
        kafka.stop()
        postgres.stop()
        for place in (postgres.directory, folder / "postgres", kafka.directory, folder / PHOTOS):
            shutil.rmtree(place, ignore_errors=True)
        raise
    kafka.stop()
    postgres.stop()

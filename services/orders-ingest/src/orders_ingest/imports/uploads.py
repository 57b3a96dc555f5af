"""A file in parts: how many, and how long each is; the file made of them again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from orders_ingest.archive.vault import Vault
from orders_ingest.imports.temporary import PREFIX, needing_room

PART = 8 << 20
"""Bytes of each part but the last."""
LARGEST = 16 << 30
"""Bytes of a file, as it is sent."""
OPEN = 32 << 30
"""Bytes of all files of a shop that are being sent or wait to be read."""


def count_of(size: int) -> int:
    """Parts of a file of so many bytes."""
    return -(-size // PART)


def length_of(size: int, number: int) -> int:
    """Bytes of that part of it; 0 where there is none. Parts are numbered from 1."""
    return max(0, min(PART, size - (number - 1) * PART)) if number > 0 else 0


def place_of(shop: str, upload_id: str, number: int) -> str:
    """What a part is sealed to."""
    return f"import-part:{shop}:{upload_id}:{number}"


def seal_part(vault: Vault, shop: str, upload_id: str, number: int, part: bytes) -> bytes:
    return vault.seal_line(place_of(shop, upload_id, number), part)


def open_part(vault: Vault, shop: str, upload_id: str, number: int, sealed: bytes) -> bytes:
    return vault.open_line(place_of(shop, upload_id, number), sealed)


@contextmanager
def nameless_file() -> Iterator[BinaryIO]:
    """A temporary file without a name: of a process that is killed nothing is left on disk. Raises DiskFull."""
    with needing_room(), tempfile.TemporaryFile(prefix=PREFIX) as file:
        yield file

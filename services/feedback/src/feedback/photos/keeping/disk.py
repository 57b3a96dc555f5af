"""Photos as files of a folder, which several processes share; each is written aside, then moved to its name."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from pathlib import Path

from feedback.photos.rules import PhotoStoreAway


class DiskKeeper:
    """Files of `folder`, by shop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, name: str, body: bytes) -> None:
        await asyncio.to_thread(self._put, self._folder / name, body)

    async def get(self, name: str) -> bytes | None:
        return await asyncio.to_thread(self._get, self._folder / name)

    async def remove(self, name: str) -> None:
        await asyncio.to_thread(self._remove, self._folder / name)

    def _put(self, path: Path, body: bytes) -> None:
        aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with aside.open("xb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)  # the name, too, survives a power cut
            finally:
                os.close(folder)
        except OSError:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
            raise PhotoStoreAway from None

    def _get(self, path: Path) -> bytes | None:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            raise PhotoStoreAway from None

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            raise PhotoStoreAway from None

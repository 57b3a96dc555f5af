"""A large file is sent in parts; what breaks off goes on where it was: this command, the network or the service."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common.values.paths import part
from regulars.client import Services, patiently

HERE = "orders-ingest"
FROM = 64 << 20
"""Bytes from which on a file is sent in parts."""
EDGE = 1 << 20
AT_ONCE = 2
"""Parts that are on their way at a time."""


def upload_name(file: Path) -> str:
    """The same for the same file, wherever it lies: of its name, size, beginning and end."""
    size = file.stat().st_size
    with file.open("rb") as source:
        beginning = source.read(EDGE)
        source.seek(max(0, size - EDGE))
        sign = hashlib.blake2b(b"%d\n" % size + beginning + b"\n" + source.read(EDGE), digest_size=10).hexdigest()
    return f"file-{sign}"


async def send_parts(
    services: Services, shop: str, file: Path, params: dict[str, str | None], say: Callable[[str], None]
) -> dict[str, Any]:
    """Send what the service has not yet, and let it import the file: the answer names the import. Raises Refused."""
    path = f"/v1/shops/{part(shop)}/uploads/{upload_name(file)}"
    size = file.stat().st_size

    async def known() -> dict[str, Any]:
        found: dict[str, Any] = await patiently(lambda: services.call(HERE, "PUT", path, json={"size": size}), say)
        return found

    found = await known()
    if found["received"]:
        say(f"{found['received']:,} of {found['parts']:,} parts are there already")
    while found["missing"]:
        sending = asyncio.Semaphore(AT_ONCE)

        async def send(number: int, part_size: int = found["part_size"]) -> None:
            async with sending:  # noqa: B023 # awaited within this round
                piece = await asyncio.to_thread(_part, file, number, part_size)
                await patiently(lambda: services.call(HERE, "PUT", f"{path}/parts/{number}", content=piece), say)

        async with asyncio.TaskGroup() as round_:
            for number in found["missing"]:
                round_.create_task(send(number))
        found = await known()
        say(f"{found['received']:,} of {found['parts']:,} parts sent")
    given = {name: value for name, value in params.items() if value is not None}
    job: dict[str, Any] = await patiently(lambda: services.call(HERE, "POST", f"{path}/import", params=given), say)
    return job


def _part(file: Path, number: int, size: int) -> bytes:
    with file.open("rb") as source:
        source.seek((number - 1) * size, os.SEEK_SET)
        return source.read(size)

"""Runs the program that reads a file (`parser`), to its end or line by line as it writes."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from orders_ingest.imports.layouts.layout import History, Layout
from orders_ingest.imports.temporary import NO_ROOM, DiskFull


class ParserFailed(RuntimeError):
    """It ended by a mistake of this code."""

    def __init__(self, layout: str, said: bytes) -> None:
        super().__init__(f"reading {layout} failed: {said.decode('utf-8', 'replace')[-2000:]}")


def asked_of(
    path: Path,
    out: Path | None,
    layout: Layout,
    encoding: str,
    history: History,
    most: int | None = None,
    *,
    mended: bool = False,
) -> dict[str, Any]:
    """What the program is asked: without `out` it writes on its output."""
    return {
        "path": str(path),
        "out": None if out is None else str(out),
        "most": most,
        "mended": mended,
        "layout": layout.name,
        "encoding": encoding,
        "shop": history.shop,
        "name": history.name,
        "currency": history.currency,
        "zone": str(history.zone),
        "columns": dict(history.columns),
        "decimals": history.decimals,
        "hashing": history.hashing.hex(),
        "until": (history.until or datetime.max.replace(tzinfo=UTC)).isoformat(),
    }


async def parse_whole(asked: dict[str, Any]) -> None:
    """Let it read the file to its end. Raises DiskFull, ParserFailed."""
    process = await _started(asyncio.subprocess.DEVNULL)
    try:
        _, said = await process.communicate(orjson.dumps(asked))
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    _check(process.returncode, asked["layout"], said)


@asynccontextmanager
async def parsed_lines(asked: dict[str, Any], file: int) -> AsyncIterator[BinaryIO]:
    """What it writes, while it writes it: it waits where nobody reads. It ends with the block.

    `file`: the descriptor of the file that it is asked to read. Raises DiskFull, ParserFailed where it ended by itself.
    """
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as lines:
        try:
            process = await _started(writing, file)
        finally:
            os.close(writing)
        try:
            assert process.stdin is not None
            process.stdin.write(orjson.dumps(asked))
            process.stdin.close()
            yield lines
            assert process.stderr is not None
            said = await process.stderr.read()
            _check(await process.wait(), asked["layout"], said)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _started(output: int, *passed: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "orders_ingest.imports.parser"),
        stdin=asyncio.subprocess.PIPE,
        stdout=output,
        stderr=asyncio.subprocess.PIPE,
        pass_fds=passed,
    )


def _check(code: int | None, layout: str, said: bytes) -> None:
    if code == NO_ROOM:
        raise DiskFull
    if code != 0:
        raise ParserFailed(layout, said)

"""An uploaded file becomes a job: read in a process of its own, then staged whole in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from common.bus.inbox import body_hash
from common.storage.database import Database, Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.imports import store
from orders_ingest.imports.layouts.layout import History, Layout
from orders_ingest.imports.lines import UnreadableFile
from orders_ingest.imports.parsing import asked_of, parse_whole
from orders_ingest.imports.store import Job, StagedRow
from orders_ingest.imports.store_refusals import RefusedRow, insert_refusals, refusal_place

CHUNK = 2_000
PREVIEWED, SHOWN = 1_000, 20
"""Lines that are read for a preview; rows, and errors, that it shows."""


async def stage(
    database: Database,
    vault: Vault,
    path: Path,
    layout: Layout,
    encoding: str,
    history: History,
    mends: str | None = None,
) -> Job:
    """Stage the file's events; durable when this returns. Raises UnreadableFile, DiskFull; then nothing was staged.

    Events are named by the source's name and their line, so the same file again is all duplicates (ORD-005). `mends`:
    the job whose refused lines, mended, the file brings.
    """
    out = path.with_suffix(".parsed")
    await parse_whole(asked_of(path, out, layout, encoding, history, mended=mends is not None))
    end = await asyncio.to_thread(_last_line, out)
    if end[0] != "end":
        raise UnreadableFile(end[1], f"The file was not taken: {end[2]}")
    _, counts, examples, columns, heading = end
    async with database.transaction() as tx:
        asked = orjson.dumps(how_asked(history) | {"heading": heading}).decode()
        findings = findings_of(counts, examples, columns)
        job_id = await store.insert_job(tx, history.shop, layout.name, history.name, findings, asked, mends)
        job = Job(history.shop, job_id)
        with out.open("rb") as lines:
            await _copy(tx, vault, job, map(orjson.loads, lines))
    return job


def how_asked(history: History) -> dict[str, Any]:
    """How a file is read, as it is kept with its job: what is mended later is read in the same way."""
    return {
        "currency": history.currency,
        "zone": str(history.zone),
        "decimals": history.decimals,
        "columns": dict(history.columns),
    }


def findings_of(counts: dict[str, int], examples: dict[str, Any], columns: dict[str, str]) -> str:
    """As they are kept with the job."""
    return orjson.dumps({"counts": counts, "examples": examples, "columns": columns}).decode()


class Preview(NamedTuple):
    """The first events (line, event) and errors (line, slug, detail, text) of a file, and the columns found."""

    columns: dict[str, str]
    rows: list[tuple[int, dict[str, Any]]]
    errors: list[tuple[int, str, str, str]]


async def preview(path: Path, layout: Layout, encoding: str, history: History) -> Preview:
    """What the beginning of a file would become; nothing is kept. Raises UnreadableFile."""
    out = path.with_suffix(".parsed")
    await parse_whole(asked_of(path, out, layout, encoding, history, PREVIEWED))
    end = await asyncio.to_thread(_last_line, out)
    if end[0] != "end":
        raise UnreadableFile(end[1], f"The file cannot be read: {end[2]}")
    found = Preview(end[3], [], [])
    with out.open("rb") as lines:
        for kind, *rest in map(orjson.loads, lines):
            if kind == "row" and len(found.rows) < SHOWN:
                found.rows.append((rest[0], rest[4]))
            elif kind == "bad" and len(found.errors) < SHOWN:
                found.errors.append((rest[0], rest[1], rest[2], rest[3]))
    return found


def _last_line(out: Path) -> list[Any]:
    with out.open("rb") as lines:
        last = b""
        for line in lines:
            last = line
    found: list[Any] = orjson.loads(last)
    return found


async def _copy(tx: Transaction, vault: Vault, job: Job, parsed: Iterator[list[Any]]) -> None:
    staged = refused = 0
    while chunk := list(islice(parsed, CHUNK)):
        rows, bad = await insert_parsed(tx, vault, job, chunk)
        staged += rows
        refused += bad
    await store.save_staged(tx, job, staged, refused)


async def insert_parsed(tx: Transaction, vault: Vault, job: Job, lines: Sequence[list[Any]]) -> tuple[int, int]:
    """Store what the reader wrote; how many rows, and how many refused lines."""
    rows = [_staged_row(vault, job, *line[1:]) for line in lines if line[0] == "row"]
    bad = [
        refused_row(vault, job, line, slug, detail, text.encode(), record, of)
        for _, line, slug, detail, text, record, of in (line for line in lines if line[0] == "bad")
    ]
    await store.insert_rows(tx, rows)
    await insert_refusals(tx, bad)
    return len(rows), len(bad)


def _staged_row(
    vault: Vault, job: Job, line: int, part: int, at: str, original: str, event: dict[str, Any]
) -> StagedRow:
    row = StagedRow(*job, datetime.fromisoformat(at), line, part, body_hash(original.encode()), b"")
    return row._replace(body=vault.seal_line(row.place, orjson.dumps(event)))


def refused_row(
    vault: Vault, job: Job, line: int, slug: str, detail: str, text: bytes, record: int = 0, of: int = 0
) -> RefusedRow:
    """A refused line as it is stored: its text may name people, so it is sealed."""
    return RefusedRow(*job, line, slug, detail, vault.seal_line(refusal_place(*job, line), text), record, of)

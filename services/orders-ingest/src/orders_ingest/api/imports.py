"""Files of history: a shop sends one, and asks how far it is (ORD-005)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import BaseModel, Field

from common.events.fields import MAX_FILE, Identifier, ShopName
from common.http.api import Caller, Router, Tx, require, runtime_of
from common.http.leaving import while_connected
from common.http.limits import large_body
from common.process.runtime import Runtime
from common.refusals import Invalid, NotFound, TooLarge
from orders_ingest.api.parts import vault_of
from orders_ingest.api.reading_options import Asked
from orders_ingest.imports import store
from orders_ingest.imports.layouts.layout import History
from orders_ingest.imports.layouts.orders.columns import NAMES
from orders_ingest.imports.layouts.registry import LayoutName
from orders_ingest.imports.staging import Preview, preview, stage
from orders_ingest.imports.store_refusals import count_refusals
from orders_ingest.imports.temporary import temporary_folder
from orders_ingest.intake.checks import AHEAD

router = Router(prefix="/v1/shops/{shop}", tags=["imports"])
LONGEST_REPLAY = timedelta(days=50 * 366)
"""On a set clock the rows of a file lie ahead of it, by so much at most."""
FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class UnknownJob(NotFound):
    """The shop has no import of that name."""

    def __init__(self, job_id: str) -> None:
        super().__init__("unknown_import", f"There is no import {job_id!r}; GET .../imports lists the shop's.")


class JobOut(BaseModel):
    id: str


class ImportOut(BaseModel):
    """One import. `staged` events were made of the file; each is then `accepted`, one of the `duplicates`, or refused.

    While it is `reading`, these are the events so far, and `read` of the file's `size` bytes were read. `refused`
    counts these and the lines of which no event could be made, and no other number counts them.
    """

    id: str
    layout: LayoutName
    name: str
    state: Literal["reading", "staged", "running", "done", "failed"]
    size: int | None = Field(None, description="bytes, of a file that was sent in parts")
    read: int | None = Field(None, description="bytes of it that were read")
    staged: int
    accepted: int
    duplicates: int
    refused: int
    mends: str | None = Field(description="the import whose refused lines it brings again")
    created_at: datetime
    finished_at: datetime | None


class FoundRefundOut(BaseModel):
    """What was made of a cancelled line, or of a part of it; `amount` in minor units."""

    order: str | None = Field(description="null: no sale was found for it")
    quantity: int
    amount: int


class ExampleOut(BaseModel):
    """A line of the file that shows what was done; of an invoice that was passed over `invoice` alone is given.

    It names no customer: it is kept with the import, and stays when somebody is erased.
    """

    invoice: str
    line: int | None = Field(None, description="of the file, whose header is line 1")
    sku: str | None = None
    quantity: int | None = None
    price: str | None = None
    refunds: list[FoundRefundOut] = []


class FindingsOut(BaseModel):
    """What was counted while the file was read, and the first ten of each kind that is shown."""

    counts: dict[str, int]
    examples: dict[str, list[ExampleOut]]
    columns: dict[str, str] = Field({}, description="of layout `orders`: field to heading")


class ImportReportOut(ImportOut):
    """`refused_by`: refused lines and events by the slug of the reason."""

    detail: str | None
    findings: FindingsOut
    refused_by: dict[str, int]


@router.post("/imports", status_code=202, openapi_extra=FILE, dependencies=[large_body(MAX_FILE)])
async def post_import(
    shop: ShopName,
    request: Request,
    caller: Annotated[Caller, require("imports:write")],
    asked: Asked,
) -> JobOut:
    """Send a file of history, plain or gzip; it is staged when this answers, and taken as the clock passes its rows.

    The same file again, or a longer one that begins with it, adds only what is new: events are named by the
    source's name and the line. Another file of the same layout needs another `name`. Nothing is staged for a caller
    who leaves before the answer. A row whose time lies ahead of the clock is refused.
    """
    runtime, vault = runtime_of(request), vault_of(request.app)
    async with runtime.database.transaction() as tx:
        history = await asked.history(tx, shop)
    history = replace(history, hashing=vault.identifiers)
    with temporary_folder() as folder:
        path = folder / "file"
        await receive(request, path)
        history = until_now(history, runtime)
        staging = stage(runtime.database, vault, path, asked.reader, asked.encoding, history)
        job = await while_connected(request, staging)
    async with runtime.database.transaction() as tx:
        await asked.remember(tx, history)
    return JobOut(id=job.job_id)


async def receive(request: Request, path: Path, most: int = MAX_FILE) -> None:
    """Write the body to disk as it comes; at most so many bytes."""
    size = 0
    with path.open("wb") as target:
        async for part in request.stream():
            size += len(part)
            if size > most:
                limit = f"A body has at most {most >> 20} MB; gzip it, or send it in parts: PUT .../uploads/<id>."
                raise TooLarge("body_too_large", limit)
            await asyncio.to_thread(target.write, part)
    if size == 0:
        raise Invalid("empty_file", "The body is empty: send the file as the request's body.")


def until_now(history: History, runtime: Runtime) -> History:
    """Rows of later times are refused: on a set clock those that no replay would reach."""
    until = history.until or runtime.clock.now()
    return replace(history, until=until + (LONGEST_REPLAY if runtime.settings.set_clock else AHEAD))


class PreviewRowOut(BaseModel):
    """An event that would be taken."""

    line: int
    event: dict[str, Any]


class PreviewErrorOut(BaseModel):
    line: int
    slug: str
    detail: str
    text: str


class PreviewOut(BaseModel):
    """What was made of the beginning of the file. `columns`: field to heading, as found or corrected.

    To correct one, say `columns=field:Heading;…`, with `-` for a field that no column is.
    """

    columns: dict[str, str]
    fields: list[str] = Field(description="all that a column may say, of a layout whose columns are found")
    rows: list[PreviewRowOut]
    errors: list[PreviewErrorOut]


@router.post(
    "/imports/preview",
    openapi_extra=FILE,
    dependencies=[require("imports:write"), large_body(MAX_FILE)],
)
async def preview_import(
    shop: ShopName,
    request: Request,
    asked: Asked,
) -> PreviewOut:
    """Show what the first 1,000 lines of a file would become, with its first errors; nothing is kept of it but the
    columns that are corrected here, which count for the next file of that name. Send the file's beginning, or all; of
    Parquet all."""
    async with runtime_of(request).database.transaction() as tx:
        history = await asked.history(tx, shop)
    history = replace(history, hashing=vault_of(request.app).identifiers)
    with temporary_folder() as folder:
        path = folder / "file"
        await receive(request, path)
        shown = await while_connected(request, preview(path, asked.reader, asked.encoding, history))
    async with runtime_of(request).database.transaction() as tx:
        await asked.remember(tx, history)
    return preview_of(shown)


def preview_of(shown: Preview) -> PreviewOut:
    """The answer of a preview."""
    return PreviewOut(
        columns=shown.columns,
        fields=list(NAMES) if shown.columns else [],
        rows=[PreviewRowOut(line=line, event=event) for line, event in shown.rows],
        errors=[PreviewErrorOut(line=line, slug=slug, detail=why, text=text) for line, slug, why, text in shown.errors],
    )


@router.get("/imports", dependencies=[require("imports:read")])
async def list_imports(shop: ShopName, tx: Tx) -> list[ImportOut]:
    """The shop's latest imports, newest first, with their counts."""
    return [ImportOut.model_validate(job) for job in await store.list_jobs(tx, shop)]


@router.get("/imports/{job_id}", dependencies=[require("imports:read")])
async def get_import(shop: ShopName, job_id: Identifier, tx: Tx) -> ImportReportOut:
    """Progress and report: events accepted, duplicate and refused with reasons; what was counted in the file; ten
    cancellations each of those that were matched, matched in part, not matched, or cost more than what was sold."""
    job = await store.get_job(tx, shop, job_id)
    if job is None:
        raise UnknownJob(job_id)
    return ImportReportOut.model_validate({**job, "refused_by": await count_refusals(tx, shop, job_id)})

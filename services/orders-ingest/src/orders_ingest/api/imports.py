"""Files of history: a shop sends one, and asks how far it is (ORD-005)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import Query, Request
from pydantic import BaseModel, Field

from common.events.fields import MAX_FILE, Identifier, ShopName, Text
from common.http.api import Caller, Router, Tx, require, runtime_of
from common.http.leaving import while_connected
from common.http.limits import large_body
from common.process.runtime import Runtime
from common.refusals import Invalid, NotFound, TooLarge
from common.shops.settings import get_shop
from common.storage.database import Transaction
from common.time.calendar import ZONE_NAMES
from common.values.currency import EXPONENTS
from orders_ingest.api.parts import vault_of
from orders_ingest.imports import store
from orders_ingest.imports.layouts.layout import History, Layout
from orders_ingest.imports.layouts.orders.columns import NAMES, parse_corrections
from orders_ingest.imports.layouts.orders.values import Decimals
from orders_ingest.imports.layouts.registry import LAYOUTS, LayoutName
from orders_ingest.imports.staging import preview, stage
from orders_ingest.imports.store_refusals import count_refusals
from orders_ingest.imports.temporary import temporary_folder
from orders_ingest.intake.checks import AHEAD

router = Router(prefix="/v1/shops/{shop}", tags=["imports"])
Encoding = Annotated[Literal["utf-8", "gbk", "latin-1", "utf-16"], Query()]
ColumnsIn = Annotated[
    Text | None,
    Query(description="layout `orders`: `field:Heading;…` where the guess is wrong; absent: as said last"),
]
DecimalsIn = Annotated[Decimals, Query(description="of layout `orders`: 1,234.50 or 1.234,50")]
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
    """A line of the file that shows what was done; of an invoice that was passed over `invoice` alone is given."""

    invoice: str
    line: int | None = Field(None, description="of the file, whose header is line 1")
    customer: str | None = None
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
    layout: Annotated[LayoutName, Query()],
    name: Annotated[Identifier | None, Query(description="of the source; absent: the layout")] = None,
    currency: Annotated[Text | None, Query(description="ISO 4217; absent: the layout's, else the shop's")] = None,
    zone: Annotated[Text | None, Query(description="IANA; absent: the layout's, else the shop's")] = None,
    encoding: Encoding = "utf-8",
    columns: ColumnsIn = None,
    decimals: DecimalsIn = "point",
) -> JobOut:
    """Send a file of history, plain or gzip; it is staged when this answers, and taken as the clock passes its rows.

    The same file again, or a longer one that begins with it, adds only what is new: events are named by the
    source's name and the line. Another file of the same layout needs another `name`. Nothing is staged for a caller
    who leaves before the answer. A row whose time lies ahead of the clock is refused.
    """
    runtime, vault = runtime_of(request), vault_of(request.app)
    async with runtime.database.transaction() as tx:
        history = await history_of(tx, shop, LAYOUTS[layout], name, currency, zone, columns, decimals)
    history = replace(history, hashing=vault.identifiers)
    with temporary_folder() as folder:
        path = folder / "file"
        await receive(request, path)
        history = until_now(history, runtime)
        staging = stage(runtime.database, vault, path, LAYOUTS[layout], encoding, history)
        job = await while_connected(request, staging)
    if columns is not None:
        async with runtime.database.transaction() as tx:
            await store.put_columns(tx, shop, history.name, dict(history.columns))
    return JobOut(id=job.job_id)


async def history_of(
    tx: Transaction,
    shop: str,
    layout: Layout,
    name: str | None,
    currency: str | None,
    zone: str | None,
    columns: str | None,
    decimals: Decimals,
) -> History:
    """What the caller, else the layout, else the shop says; corrected columns are remembered for the source's name."""
    now = tx.clock.now()
    settings = (await get_shop(tx, shop)).at(now)
    currency = currency or layout.currency or settings.currency
    zone = zone or layout.zone or str(settings.zone)
    if currency not in EXPONENTS:
        raise Invalid("unknown_currency", "`currency` must be an ISO 4217 code such as CNY, USD, EUR.")
    if zone not in ZONE_NAMES:
        raise Invalid("invalid_zone", "`zone` must be an IANA name such as Asia/Shanghai.")
    name = name or layout.name
    try:
        corrected = parse_corrections(columns) if columns is not None else await store.get_columns(tx, shop, name)
    except ValueError as error:
        raise Invalid("invalid_columns", f"`columns` {error}.") from None
    return History(shop, name, currency, ZoneInfo(zone), corrected, decimals, now)


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
    layout: Annotated[LayoutName, Query()],
    name: Annotated[Identifier | None, Query(description="of the source; absent: the layout")] = None,
    currency: Annotated[Text | None, Query(description="ISO 4217; absent: the layout's, else the shop's")] = None,
    zone: Annotated[Text | None, Query(description="IANA; absent: the layout's, else the shop's")] = None,
    encoding: Encoding = "utf-8",
    columns: ColumnsIn = None,
    decimals: DecimalsIn = "point",
) -> PreviewOut:
    """Show what the first 1,000 lines of a file would become, with its first errors; nothing is kept of it but the
    columns that are corrected here, which count for the next file of that name. Send the file's beginning, or all; of
    Parquet all."""
    async with runtime_of(request).database.transaction() as tx:
        history = await history_of(tx, shop, LAYOUTS[layout], name, currency, zone, columns, decimals)
    history = replace(history, hashing=vault_of(request.app).identifiers)
    with temporary_folder() as folder:
        path = folder / "file"
        await receive(request, path)
        shown = await while_connected(request, preview(path, LAYOUTS[layout], encoding, history))
    if columns is not None:
        async with runtime_of(request).database.transaction() as tx:
            await store.put_columns(tx, shop, history.name, dict(history.columns))
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

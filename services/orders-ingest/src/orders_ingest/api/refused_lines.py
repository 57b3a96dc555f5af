"""Refused lines of files: shown, downloaded as a file, and taken again when they are mended (ORD-038, ORD-039)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from common.events.fields import Identifier, Position, ShopName
from common.http.api import Router, Tx, require, runtime_of
from common.http.leaving import while_connected
from common.http.limits import large_body
from common.refusals import Conflict, Invalid
from common.storage.database import Database
from orders_ingest.api.imports import FILE, JobOut, UnknownJob, receive, until_now
from orders_ingest.api.parts import vault_of
from orders_ingest.api.reading_options import Encoding
from orders_ingest.archive.vault import Vault
from orders_ingest.imports import store, store_refusals
from orders_ingest.imports.layouts.layout import History
from orders_ingest.imports.layouts.registry import LAYOUTS
from orders_ingest.imports.lines import lines_of
from orders_ingest.imports.mending import HEADING, Refused, read, written
from orders_ingest.imports.staging import stage
from orders_ingest.imports.temporary import temporary_folder

router = Router(prefix="/v1/shops/{shop}/imports", tags=["imports"])
PAGE = 500
LARGEST = 64 << 20
"""Bytes of a mended file, which is read whole."""
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


class NotMendable(Conflict):
    """Of this layout an order is taken without its bad line, and a line by itself would replace it."""

    def __init__(self, layout: str) -> None:
        super().__init__(
            "not_mendable",
            f"Lines of the layout {layout} cannot be taken by themselves: its orders were taken without them. Send the"
            " orders as they should be by PUT .../orders/<id>.",
        )


class OrderParted(Invalid):
    """A mended file has some lines of an order and not all: the order would be taken with these alone."""

    def __init__(self, there: int, missing: int) -> None:
        super().__init__(
            "order_parted",
            f"Lines {there} and {missing} of the file are of one order, and line {missing} is missing here: leave both"
            " in, or take both out.",
        )


class RefusalOut(BaseModel):
    """`line` as an editor shows it: a header is line 1, and a record that spans lines stands on its first.

    `number` is the refusal's own, for the next page's `after`: one line may be refused several times.
    """

    number: int
    line: int
    slug: str
    detail: str
    text: str


@router.get("/{job_id}/refusals", dependencies=[require("imports:read")])
async def get_refusals(
    shop: ShopName,
    job_id: Identifier,
    request: Request,
    tx: Tx,
    after: Position = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[RefusalOut]:
    """Lines that could not be taken, as they were, with the reason; `after` is the last refusal's `number`."""
    if await store.get_job(tx, shop, job_id) is None:
        raise UnknownJob(job_id)
    vault = vault_of(request.app)
    return [
        RefusalOut(number=number, line=row.line, slug=row.slug, detail=row.detail, text=_opened(vault, row))
        for number, row in await store_refusals.list_refusals(tx, shop, job_id, after, limit)
    ]


@router.get(
    "/{job_id}/refusals.csv",
    dependencies=[require("imports:read")],
    response_class=StreamingResponse,
    responses=_CSV,
)
async def download_refusals(shop: ShopName, job_id: Identifier, request: Request) -> StreamingResponse:
    """All refused lines as a CSV file, to be mended in its column `text` and sent back to `…/mended`.

    Whole orders may be taken out of it (`order_parted`); the other columns stay. Lines of erased customers are not in
    it.
    """
    database = runtime_of(request).database
    job = await _mendable(database, shop, job_id)
    rows = _rows(database, vault_of(request.app), shop, job)
    name = {"content-disposition": 'attachment; filename="refused-lines.csv"'}
    return StreamingResponse(rows, media_type="text/csv", headers=name)


@router.post(
    "/{job_id}/mended",
    status_code=202,
    openapi_extra=FILE,
    dependencies=[require("imports:write"), large_body(LARGEST)],
)
async def post_mended(shop: ShopName, job_id: Identifier, request: Request, encoding: Encoding = "utf-8") -> JobOut:
    """Take mended lines of an import, as a new one that is read as the first was.

    A line is named as it was when it was refused: the same file again is all duplicates, and what is still wrong is
    refused again. An order that the import took meanwhile is not replaced (`order_taken`).
    """
    runtime, vault = runtime_of(request), vault_of(request.app)
    job = await _mendable(runtime.database, shop, job_id)
    asked = job["asked"]
    history = History(
        shop,
        job["name"],
        asked["currency"],
        ZoneInfo(asked["zone"]),
        asked["columns"],
        asked["decimals"],
        hashing=vault.identifiers,
    )
    with temporary_folder() as folder:
        path = folder / "file"
        await receive(request, path, LARGEST)
        records = await asyncio.to_thread(_records_in, path, encoding)
        async with runtime.database.transaction() as tx:
            if (parted := await store_refusals.find_parted(tx, shop, job_id, records)) is not None:
                raise OrderParted(*parted)
        staging = stage(
            runtime.database, vault, path, LAYOUTS[job["layout"]], encoding, until_now(history, runtime), mends=job_id
        )
        return JobOut(id=(await while_connected(request, staging)).job_id)


def _records_in(path: Path, encoding: str) -> list[int]:
    return [record for record in read(lines_of(path, encoding)).records.values() if record]


async def _mendable(database: Database, shop: str, job_id: str) -> dict[str, Any]:
    async with database.transaction() as tx:
        job = await store.get_job(tx, shop, job_id)
    if job is None:
        raise UnknownJob(job_id)
    if not LAYOUTS[job["layout"]].mendable:
        raise NotMendable(job["layout"])
    return job


async def _rows(database: Database, vault: Vault, shop: str, job: dict[str, Any]) -> AsyncIterator[str]:
    """The file, page by page: its heading, that of the lines, and the lines."""
    yield HEADING
    if heading := job["asked"]["heading"]:
        yield written([Refused(0, "heading", "", heading)])
    after = 0
    while True:
        async with database.transaction() as tx:
            page = await store_refusals.list_refusals(tx, shop, job["id"], after, PAGE)
        opened = [(row, _opened(vault, row)) for _, row in page]
        yield written(Refused(row.record, row.kind, row.detail, text) for row, text in opened if text)
        if len(page) < PAGE:
            return
        after = page[-1][0]


def _opened(vault: Vault, row: store_refusals.RefusedRow) -> str:
    return vault.open_line(store_refusals.refusal_place(row.shop, row.job_id, row.line), row.text).decode()

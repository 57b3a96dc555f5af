"""Large files, sent in parts: whatever breaks off, the parts that are there stay, and sending goes on (ORD-005)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Annotated

import orjson
from fastapi import Path, Request
from pydantic import BaseModel, Field

from common.events.fields import MAX_FILE, Identifier, ShopName
from common.http.api import Body, Router, Tx, require, runtime_of
from common.http.leaving import while_connected
from common.http.limits import large_body
from common.refusals import Conflict, Invalid, NotFound, TooLarge
from common.storage.database import Database, Transaction
from orders_ingest.api.imports import FILE, JobOut, PreviewOut, preview_of, until_now
from orders_ingest.api.parts import vault_of
from orders_ingest.api.reading_options import Asked
from orders_ingest.archive.vault import Vault
from orders_ingest.imports import store as jobs
from orders_ingest.imports import store_uploads as store
from orders_ingest.imports.parquet import MARK
from orders_ingest.imports.staging import findings_of, how_asked, preview
from orders_ingest.imports.store_uploads import Upload
from orders_ingest.imports.temporary import temporary_folder
from orders_ingest.imports.uploads import LARGEST, OPEN, PART, count_of, length_of, open_part, seal_part

router = Router(prefix="/v1/shops/{shop}/uploads", tags=["imports"])
MISSING = 100
"""Numbers of parts that an answer names."""
PartNumber = Annotated[int, Path(ge=1, le=count_of(LARGEST))]


class UnknownUpload(NotFound):
    """The shop has no upload of that name."""

    def __init__(self, upload_id: str) -> None:
        super().__init__("unknown_upload", f"There is no upload {upload_id!r}: begin it by PUT .../uploads/<id>.")


class UploadIn(Body):
    size: int = Field(ge=1, le=LARGEST, description="of the file, bytes")


class UploadOut(BaseModel):
    """A file being sent: `parts` of `part_size` bytes each, the last one shorter, numbered from 1."""

    id: str
    size: int
    part_size: int
    parts: int
    received: int = Field(description="parts that are there")
    missing: list[int] = Field(description=f"numbers of parts that are not, the first {MISSING}")
    import_id: str | None = Field(description="the import that reads it, or has read it")
    import_state: str | None


class PartOut(BaseModel):
    number: int
    size: int


@router.put("/{upload_id}", dependencies=[require("imports:write")])
async def put_upload(shop: ShopName, upload_id: Identifier, body: UploadIn, tx: Tx) -> UploadOut:
    """Begin a file, under a name of yours; asked again, the answer says which parts are there, so that sending goes on
    behind them. Parts are kept for 7 days after the last one, until the file was read."""
    await store.lock_shop(tx, shop)
    known = await store.lock_upload(tx, shop, upload_id)
    if known is None:
        if (held := await store.sum_open(tx, shop)) + body.size > OPEN:
            raise TooLarge(
                "too_many_uploads",
                f"Files of {held >> 20:,} MB are being sent or read, and at most {OPEN >> 20:,} MB are kept: import"
                " them, or take them back by DELETE .../uploads/<id>.",
            )
        await store.insert_upload(tx, shop, upload_id, body.size)
        known = Upload(shop, upload_id, body.size, None, None)
    elif known.size != body.size:
        detail = f"Upload {upload_id} is a file of {known.size:,} bytes: another file needs another name."
        raise Conflict("upload_known", detail)
    return await _shown(tx, known)


@router.get("/{upload_id}", dependencies=[require("imports:read")])
async def get_upload(shop: ShopName, upload_id: Identifier, tx: Tx) -> UploadOut:
    """Which parts are there."""
    return await _shown(tx, _known(await store.get_upload(tx, shop, upload_id), upload_id))


@router.put(
    "/{upload_id}/parts/{number}", openapi_extra=FILE, dependencies=[require("imports:write"), large_body(PART)]
)
async def put_part(shop: ShopName, upload_id: Identifier, number: PartNumber, request: Request) -> PartOut:
    """Send a part, in any order, several at once, and again where the answer was lost; it is stored when this
    answers."""
    runtime, vault = runtime_of(request), vault_of(request.app)
    async with runtime.database.transaction() as tx:
        upload = _known(await store.get_upload(tx, shop, upload_id), upload_id)
    length = length_of(upload.size, number)
    part = bytearray()
    async for piece in request.stream():
        part += piece
        if len(part) > length:
            break
    if len(part) != length or not length:
        parts = count_of(upload.size)
        raise Invalid(
            "wrong_length",
            f"Part {number} of {parts} has {length:,} bytes: the file has {upload.size:,}, and all parts but the last"
            f" have {PART:,}.",
        )
    sealed = await asyncio.to_thread(seal_part, vault, shop, upload_id, number, bytes(part))
    sign = await asyncio.to_thread(vault.claim, bytes(part))
    async with runtime.database.transaction() as tx:
        # Whose upload is taken back meanwhile leaves no part behind for long: parts of none are removed.
        if not await store.insert_part(tx, upload, number, sign, sealed):
            detail = f"Part {number} is there with other bytes: another file needs an upload of its own."
            raise Conflict("part_known", detail)
    return PartOut(number=number, size=length)


@router.delete("/{upload_id}", status_code=204, dependencies=[require("imports:write")])
async def delete_upload(shop: ShopName, upload_id: Identifier, tx: Tx) -> None:
    """Take a file back that is not being read; its parts are removed within minutes. An import of it stays."""
    upload = await store.lock_upload(tx, shop, upload_id)
    if upload is not None:
        if upload.state == "reading":
            raise Conflict("upload_read", f"Import {upload.job_id} reads this file now: wait until it has.")
        await store.delete_upload(tx, shop, upload_id)


@router.post("/{upload_id}/import", status_code=202, dependencies=[require("imports:write")])
async def import_upload(
    shop: ShopName,
    upload_id: Identifier,
    request: Request,
    tx: Tx,
    asked: Asked,
) -> JobOut:
    """Import a file whose parts are all there: it is read from now on, whoever is restarted, and shown by
    `GET .../imports/<id>`. Asked again, the answer is the same import; where that failed, a new one."""
    upload = _known(await store.lock_upload(tx, shop, upload_id), upload_id)
    if upload.job_id is not None and upload.state != "failed":
        return JobOut(id=upload.job_id)
    if missing := await store.list_missing(tx, upload, count_of(upload.size), MISSING):
        raise Conflict(
            "parts_missing",
            f"Of {count_of(upload.size)} parts these are missing: {', '.join(map(str, missing))}"
            + (", and more." if len(missing) == MISSING else "."),
        )
    history = await asked.history(tx, shop)
    until = until_now(history, runtime_of(request)).until
    assert until is not None
    said = how_asked(history) | {"heading": "", "encoding": asked.encoding, "until": until.isoformat()}
    job_id = await jobs.insert_job(
        *(tx, shop, asked.layout, history.name, findings_of({}, {}, {}), orjson.dumps(said).decode(), None),
        upload=(upload_id, upload.size),
    )
    await store.set_job(tx, upload, job_id)
    await asked.remember(tx, history)
    return JobOut(id=job_id)


@router.post("/{upload_id}/preview", dependencies=[require("imports:write")])
async def preview_upload(shop: ShopName, upload_id: Identifier, request: Request, asked: Asked) -> PreviewOut:
    """Show what the first 1,000 lines of a file in parts would become, once its first part is there (of Parquet all
    must be: it is read from its end); as `…/imports/preview` else."""
    runtime, vault = runtime_of(request), vault_of(request.app)
    async with runtime.database.transaction() as tx:
        upload = _known(await store.get_upload(tx, shop, upload_id), upload_id)
        if upload.state not in (None, "reading", "failed"):
            raise Conflict(
                "upload_read", f"Import {upload.job_id} has read this file: its report shows what it became."
            )
        history = replace(await asked.history(tx, shop), hashing=vault.identifiers)
    with temporary_folder() as folder:
        path = folder / "file"
        await _write_beginning(runtime.database, vault, upload, path, asked.encoding)
        shown = await while_connected(request, preview(path, asked.reader, asked.encoding, history))
    async with runtime.database.transaction() as tx:
        await asked.remember(tx, history)
    return preview_of(shown)


async def _write_beginning(database: Database, vault: Vault, upload: Upload, path: FilePath, encoding: str) -> None:
    """The first part of the file without the line that it cuts, or of a Parquet file all.

    Raises Conflict parts_missing, TooLarge.
    """
    parts = 1
    with path.open("wb") as file:
        number = 0
        while (number := number + 1) <= parts:
            async with database.transaction() as tx:
                sealed = await store.get_part(tx, upload.shop, upload.upload_id, number)
            if sealed is None:
                raise Conflict("parts_missing", f"Part {number} is not there yet: a preview needs it.")
            part = await asyncio.to_thread(open_part, vault, upload.shop, upload.upload_id, number, sealed)
            if number == 1 and part.startswith(MARK):
                if upload.size > MAX_FILE:
                    raise TooLarge("too_large", f"Of Parquet at most {MAX_FILE >> 20} MB are previewed: import it.")
                parts = count_of(upload.size)
            elif len(part) < upload.size and encoding != "utf-16" and not part.startswith(b"\x1f\x8b"):
                part = part[: part.rfind(b"\n") + 1]
            await asyncio.to_thread(file.write, part)


def _known(upload: Upload | None, upload_id: str) -> Upload:
    if upload is None:
        raise UnknownUpload(upload_id)
    return upload


async def _shown(tx: Transaction, upload: Upload) -> UploadOut:
    parts = count_of(upload.size)
    read = upload.state not in (None, "reading", "failed")  # its parts are no longer needed
    return UploadOut(
        id=upload.upload_id,
        size=upload.size,
        part_size=PART,
        parts=parts,
        received=parts if read else await store.count_parts(tx, upload),
        missing=[] if read else await store.list_missing(tx, upload, parts, MISSING),
        import_id=upload.job_id,
        import_state=upload.state,
    )

"""Imports: send a file, follow it, read and download the lines that were refused."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.datastructures import UploadFile

from common.values.paths import part
from console.client import Ask
from console.imports.columns import columns_in
from console.web.formats import cell
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.page import Viewer, see

router = APIRouter()
LAYOUTS = ("orders", "shopify_orders", "woocommerce_orders", "online_retail", "cdnow_sample", "cdnow_master")
FIELDS = {"layout": 20, "name": 100, "currency": 10, "zone": 50, "encoding": 20, "decimals": 10, "columns": 1_000}
"""Of the form, each with how many characters of it are taken."""
ENCODINGS = ("utf-8", "gbk", "latin-1", "utf-16")
LINES, MOST_LINES = 50, 10_000


@router.get("/s/{shop}/imports")
async def imports(viewer: Guarded) -> Response:
    """The latest imports, and the form for another."""
    return await listed(viewer)


async def listed(viewer: Viewer, error: str = "", status: int = 200, **sent: str) -> Response:
    (found,) = await viewer.console.services.ask(viewer.of_shop("orders-ingest", "/imports"))
    shown = dict.fromkeys(FIELDS, "") | sent
    return viewer.draw(
        "imports/imports.html", status, found=found, error=error, sent=shown, layouts=LAYOUTS, encodings=ENCODINGS
    )


@router.post("/s/{shop}/imports")
async def send_import(viewer: Guarded) -> Response:
    """Hand the file on as it is; the same file again adds nothing.

    No field is declared: the framework would read the file before the guard has looked at who sends it.
    """
    form = await viewer.request.form()
    sent = {name: str(form.get(name, ""))[:most].strip() for name, most in FIELDS.items()}
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.size:
        return await listed(viewer, viewer.say("Choose a file."), 422, **sent)
    columns = columns_in({name: str(value) for name, value in form.items()})
    query = {name: value for name, value in sent.items() if value} | ({"columns": columns} if columns else {})
    answer = await viewer.console.services.upload(
        "orders-ingest", f"/v1/shops/{viewer.here}/imports", query, parts_of(file)
    )
    if not answer.ok:
        said = answer.detail or viewer.say("{service} did not answer. Try again.", service="orders-ingest")
        return await listed(viewer, said, 422 if answer.state != "unavailable" else 503, **sent)
    job = str(answer.body["id"])
    await viewer.record("send_import", f"imports/{part(job)}", form=str(form.get("form", ""))[:50] or None)
    return see(viewer.url(f"/imports/{part(job)}"))


async def parts_of(file: UploadFile) -> AsyncIterator[bytes]:
    while part_of_file := await file.read(256 * 1024):
        yield part_of_file


def _asked(viewer: Viewer, job: str, path: str = "", **params: int) -> Ask:
    return viewer.of_shop("orders-ingest", f"/imports/{part(job)}{path}", **params)


@router.get("/s/{shop}/imports/{job}")
async def one_import(viewer: Guarded, job: str) -> Response:
    """Progress and report; the page asks again by itself while the import runs."""
    (found,) = await viewer.console.services.ask(_asked(viewer, job))
    if found.state == "unknown":
        raise NotHere
    running = found.ok and found.body["state"] in ("reading", "staged", "running")
    return viewer.draw("imports/one_import.html", job=job, here=part(job), found=found, running=running)


@router.get("/s/{shop}/imports/{job}/refused")
async def refused_lines(
    viewer: Guarded,
    job: str,
    after: Annotated[int, Query(ge=0)] = 0,
    download: Annotated[bool, Query()] = False,
) -> Response:
    """The lines as they were, which may hold personal data: each page of them is a look that is recorded."""
    await viewer.record("refused_lines", f"imports/{part(job)}", "downloaded" if download else "shown")
    if download:
        return await _table(viewer, job)
    return await lines_page(viewer, job, after)


async def lines_page(viewer: Viewer, job: str, after: int = 0, error: str = "", status: int = 200) -> Response:
    """A page of refused lines, with what can be done about them. Raises NotHere."""
    (found,) = await viewer.console.services.ask(_asked(viewer, job, "/refusals", after=after, limit=LINES))
    if found.state == "unknown":
        raise NotHere
    following = found.body[-1]["number"] if found.ok and len(found.body) == LINES else None
    values = {"job": job, "here": part(job), "found": found, "after": after, "following": following, "error": error}
    return viewer.draw("imports/refused.html", status, **values, encodings=ENCODINGS)


async def _table(viewer: Viewer, job: str) -> Response:
    """All refused lines, 10,000 at most, as CSV."""
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(["line", "reason", "detail", "text"])
    after = count = 0
    while count < MOST_LINES:
        (found,) = await viewer.console.services.ask(_asked(viewer, job, "/refusals", after=after, limit=500))
        if found.state == "unknown":
            raise NotHere
        if not found.ok:
            # Half a table would pass for the whole.
            raise NoAnswer(found)
        rows.writerows([each["line"], each["slug"], cell(each["detail"]), cell(each["text"])] for each in found.body)
        count += len(found.body)
        if len(found.body) < 500:
            break
        after = found.body[-1]["number"]
    headers = {"content-disposition": 'attachment; filename="refused-lines.csv"'}
    return Response(written.getvalue(), 200, headers, "text/csv; charset=utf-8")

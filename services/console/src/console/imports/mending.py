"""Refused lines of an import: downloaded to be mended, and sent again as a file (ORD-038, ORD-039)."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from starlette.datastructures import UploadFile

from common.values.paths import part
from console.imports.page import ENCODINGS, lines_page, parts_of
from console.texts import N_
from console.web.commands import status_of, why_not
from console.web.guard import Guarded
from console.web.page import see

router = APIRouter()


@router.post("/s/{shop}/imports/{job}/to-mend")
async def download_to_mend(viewer: Guarded, job: str) -> Response:
    """All refused lines as orders-ingest takes them back: mended in the column `text`; a look that is recorded."""
    await viewer.record("refused_lines", f"imports/{part(job)}", "downloaded")
    path = f"/v1/shops/{viewer.here}/imports/{part(job)}/refusals.csv"
    answer, chunks = await viewer.console.services.download("orders-ingest", path)
    if chunks is None:
        return await lines_page(viewer, job, error=why_not(viewer, answer), status=status_of(answer))
    headers = {"content-disposition": 'attachment; filename="refused-lines.csv"'}
    return StreamingResponse(chunks, 200, headers, "text/csv; charset=utf-8")


@router.post("/s/{shop}/imports/{job}/mended")
async def send_mended(viewer: Guarded, job: str) -> Response:
    """A new import, read as the first was; what is still wrong is refused again.

    No field is declared, as where a file is imported.
    """
    form = await viewer.request.form()
    file, encoding = form.get("file"), str(form.get("encoding", "utf-8"))
    if not isinstance(file, UploadFile) or not file.size or encoding not in ENCODINGS:
        return await lines_page(viewer, job, error=viewer.say(N_("Choose a file.")), status=422)
    path = f"/v1/shops/{viewer.here}/imports/{part(job)}/mended"
    answer = await viewer.console.services.upload("orders-ingest", path, {"encoding": encoding}, parts_of(file))
    if not answer.ok:
        return await lines_page(viewer, job, error=why_not(viewer, answer), status=status_of(answer))
    made = part(str(answer.body["id"]))
    await viewer.record("send_mended", f"imports/{made}", form=str(form.get("form", ""))[:50] or None)
    return see(viewer.url(f"/imports/{made}"))

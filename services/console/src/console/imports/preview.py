"""A look at a file before it is imported: what its first lines would become, and which column says what."""

from __future__ import annotations

from fastapi import APIRouter, Response
from starlette.datastructures import UploadFile

from console.imports.columns import NONE, columns_in
from console.imports.page import FIELDS, listed, parts_of
from console.web.commands import status_of, why_not
from console.web.guard import Guarded

router = APIRouter()


@router.post("/s/{shop}/imports/preview")
async def preview_import(viewer: Guarded) -> Response:
    """Nothing is taken; the columns that are corrected here are kept by orders-ingest for the next file of that name.

    No field is declared, as where a file is imported.
    """
    form = await viewer.request.form()
    sent = {name: str(form.get(name, ""))[:most].strip() for name, most in FIELDS.items()}
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.size:
        return await listed(viewer, viewer.say("Choose a file."), 422, **sent)
    columns = columns_in({name: str(value) for name, value in form.items()})
    query = {name: value for name, value in sent.items() if value} | ({"columns": columns} if columns else {})
    path = f"/v1/shops/{viewer.here}/imports/preview"
    answer = await viewer.console.services.upload("orders-ingest", path, query, parts_of(file))
    if not answer.ok:
        return await listed(viewer, why_not(viewer, answer), status_of(answer), **sent)
    await viewer.record("preview_import", f"imports/{sent['name'] or sent['layout']}", "shown")
    return viewer.draw("imports/preview.html", found=answer.body, sent=sent, dash=NONE)

"""The audit entries of a shop."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from console.access import store
from console.web.guard import Guarded

router = APIRouter()
ENTRIES = 50


@router.get("/s/{shop}/audit")
async def audit(viewer: Guarded, before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None) -> Response:
    """Newest first; `before` is the last entry of the page before."""
    async with viewer.console.database.transaction() as tx:
        found = await store.list_entries(tx, viewer.here, before, ENTRIES + 1)
    rows = found[:ENTRIES]
    return viewer.draw(
        "audit/audit.html", rows=rows, before=before, following=rows[-1].entry if len(found) > ENTRIES else None
    )

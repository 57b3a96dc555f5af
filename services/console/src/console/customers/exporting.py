"""The list of customers as a file: all who fit the filters, whole or not at all, and no personal data of theirs."""

from __future__ import annotations

import csv
import io
from typing import Annotated

from fastapi import APIRouter, Form, Response

from common.values.paths import part
from console.customers.finding import listed
from console.customers.views import filters_of
from console.texts import N_
from console.web.formats import cell
from console.web.guard import Guarded, NoAnswer

router = APIRouter()
MOST, PAGE = 50_000, 500
COLUMNS = ("customer", "tier_id", "stage", "life_cycle", "rfm_class", "rfm_cell", "completed_orders")


@router.post("/s/{shop}/customers-export")
async def export_customers(
    viewer: Guarded,
    query: Annotated[str, Form(max_length=2_000)] = "",
) -> Response:
    """A table of ids and what they are, 50,000 rows at most; who took it, and by which filters, is recorded first."""
    chosen = filters_of(query)
    written = io.StringIO()
    rows, count, after = csv.writer(written), 0, ""
    rows.writerow(COLUMNS)
    while True:
        asked = chosen | {"limit": str(PAGE)} | ({"after": after} if after else {})
        (page,) = await viewer.console.services.ask(viewer.of_shop("segmentation", "/customers", **asked))
        if not page.ok:
            raise NoAnswer(page)  # half a list would pass for the whole
        found = page.body["customers"]
        count += len(found)
        if count > MOST:
            said = viewer.say(N_("More than 50,000 fit: narrow the filters, or read them by the API."))
            return await listed(viewer, chosen, error=said, status=422)
        rows.writerows([cell("" if each[name] is None else each[name]) for name in COLUMNS] for each in found)
        after = page.body["next_after"] or ""
        if not after:
            break
    filters = ",".join(f"{name}={part(value)}" for name, value in sorted(chosen.items())) or "all"
    await viewer.record("export_customers", f"customers/{filters}/{count}", "downloaded")
    headers = {"content-disposition": 'attachment; filename="customers.csv"'}
    return Response(written.getvalue(), 200, headers, "text/csv; charset=utf-8")

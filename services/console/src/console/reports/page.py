"""Pages of reports: those that are kept, one with its tables, the same as CSV and PDF, and one asked for by hand."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Form, Path, Query, Response

from common.events.fields import PlannedDay
from console.reports import pdf, store
from console.reports.advice import advice
from console.reports.content import content_of, name_of, title_of
from console.reports.making import Reports
from console.reports.periods import KINDS, Kind, period_of
from console.reports.sections import sections
from console.reports.spreadsheet import as_csv
from console.reports.store import Report
from console.texts import N_
from console.web.guard import Guarded, NotHere
from console.web.page import Viewer, see

log = structlog.get_logger()
router = APIRouter()
SHOWN = 30
Which = Annotated[Kind, Path()]
Since = Annotated[PlannedDay, Path()]
EARLIEST = date(1970, 1, 1)


@router.get("/s/{shop}/reports")
async def reports(
    viewer: Guarded, kind: Annotated[Kind, Query()] = "week", before: Annotated[PlannedDay | None, Query()] = None
) -> Response:
    """The reports of a kind, the newest first."""
    return await _list(viewer, kind, before)


async def _list(viewer: Viewer, kind: Kind, before: date | None = None, error: str = "", status: int = 200) -> Response:
    async with viewer.console.database.transaction() as tx:
        found = await store.list_reports(tx, viewer.here, kind, before, SHOWN + 1)
    rows = found[:SHOWN]
    return viewer.draw(
        "reports/list.html",
        status,
        kinds=KINDS,
        kind=kind,
        rows=[(r, name_of(r.period, viewer.say)) for r in rows],
        before=before,
        following=rows[-1].period.since if len(found) > SHOWN else None,
        mails=viewer.console.settings.smtp_host is not None,
        error=error,
    )


@router.post("/s/{shop}/reports")
async def make_report(
    viewer: Guarded,
    kind: Annotated[Kind, Form()] = "week",
    day: Annotated[str, Form(max_length=20)] = "",
    form: Annotated[str, Form(max_length=50)] = "",
) -> Response:
    """Make the report of an ended period that has none yet, or ask again for what one lacks."""
    today = await Reports(viewer.console).today(viewer.here)
    if today is None:
        return await _list(
            viewer, kind, None, viewer.say("{service} did not answer. Try again.", service="segmentation"), 503
        )
    try:
        period = period_of(kind, date.fromisoformat(day))
    except (ValueError, OverflowError):
        return await _list(viewer, kind, None, viewer.say("Write a day, such as 2026-03-31."), 422)
    if period.since < EARLIEST:
        said = viewer.say("Choose a day from {day} on.", day=EARLIEST)
        return await _list(viewer, kind, None, said, 422)
    if period.until > today:
        return await _list(viewer, kind, None, viewer.say("The period has not ended yet: choose an earlier day."), 422)
    address = f"/reports/{kind}/{period.since}"
    if not await viewer.record("make_report", f"{kind}/{period.since}", "asked", form):
        return see(viewer.url(address), "sent-already")
    async with viewer.console.database.transaction() as tx:
        if not await store.insert_report(tx, viewer.here, period, viewer.who.name):
            await store.ask_again(tx, viewer.here, period)
    await Reports(viewer.console).make_soon(viewer.here)
    return see(viewer.url(address), "saved")


@router.get("/s/{shop}/reports/{period}/{since}")
async def one_report(viewer: Guarded, period: Which, since: Since) -> Response:
    """One report whole, with what to do next."""
    report = await _known(viewer, period, since)
    async with viewer.console.database.transaction() as tx:
        mails = await store.list_mails(tx, viewer.here, period, since)
    document = report.document
    return viewer.draw(
        "reports/one.html",
        report=report,
        name=name_of(report.period, viewer.say),
        tables=sections(document, viewer.say) if document is not None else [],
        missing=sorted(set(document["missing"].values())) if document is not None else [],
        advice=advice(document) if document is not None else [],
        mails=mails,
    )


async def _known(viewer: Viewer, kind: Kind, since: date) -> Report:
    async with viewer.console.database.transaction() as tx:
        report = await store.get_report(tx, viewer.here, kind, since)
    if report is None:
        raise NotHere
    return report


@router.get("/s/{shop}/reports/{period}/{since}/csv")
async def report_csv(viewer: Guarded, period: Which, since: Since) -> Response:
    """The report for a spreadsheet."""
    report, shown = await _made(viewer, period, since)
    title = title_of(viewer.here, report.period, viewer.say)
    return _file(viewer, report, as_csv(title, shown, viewer.say(N_("Unit"))), "text/csv; charset=utf-8", "csv")


@router.get("/s/{shop}/reports/{period}/{since}/pdf")
async def report_pdf(viewer: Guarded, period: Which, since: Since) -> Response:
    """The report for paper and mails."""
    report, shown = await _made(viewer, period, since)
    content = content_of(viewer.here, report, shown, viewer.say)
    try:
        file = await pdf.as_pdf(content)
    except pdf.NoPdf as error:
        log.error("report_not_drawn", reason=str(error))
        return viewer.draw("reports/no_pdf.html", 503)
    return _file(viewer, report, file, "application/pdf", "pdf")


async def _made(viewer: Viewer, kind: Kind, since: date) -> tuple[Report, list[Any]]:
    report = await _known(viewer, kind, since)
    if report.document is None:
        raise NotHere
    return report, sections(report.document, viewer.say)


def _file(viewer: Viewer, report: Report, content: bytes, media_type: str, ending: str) -> Response:
    name = f"{viewer.here}-{report.period.kind}-{report.period.since}.{ending}"
    return Response(content, 200, {"content-disposition": f'attachment; filename="{name}"'}, media_type)

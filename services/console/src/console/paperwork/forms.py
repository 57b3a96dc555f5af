"""The form of a record, and what is saved by it."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter, Response

from common.events.fields import PlannedDay
from common.values.paths import part
from console.forms.fields import Field
from console.forms.sheets import OTHER_CURRENCY, Filled, Sheet, currency_of, empty, filled
from console.paperwork import cells
from console.paperwork.parts import Name, Of, check_held, written_by
from console.records import commands, rules, store
from console.records.commands import NotSaved
from console.records.kinds import HAND, KINDS
from console.records.state import Record
from console.reports import store as reports
from console.reports.making import kept_beside
from console.reports.next_year import next_year
from console.texts import N_
from console.web.guard import Guarded, NotHere
from console.web.page import Viewer, see

router = APIRouter()


@router.get("/s/{shop}/paper-form/{kind}")
async def paper_form(
    viewer: Guarded, kind: Name, of: Of = "", name: Of = "", about: Of = "", review: PlannedDay | None = None
) -> Response:
    """An empty form, or one that holds a record; `name`, `about`: what is known of a new one.

    `review`: the first day of the year whose report a plan is drafted from.
    """
    found = written_by(viewer, kind)
    known = await _known(viewer, kind, of) if of else None
    if of and known is None:
        raise NotHere
    given = {"version": "0", "name": name, "about": about}
    sheet = _sheet(kind, known is not None)
    if kind == "plan" and review is not None and known is None:
        given |= await _drafted(viewer, review)
    if known is not None:
        currency = await currency_of(viewer) if any(f.kind == "money" for f in found.fields) else ""
        given = cells.written(found, known.fields, currency) | {"version": str(known.version), "name": known.name}
        if known.currency != currency:
            sheet = sheet._replace(lead=OTHER_CURRENCY)
    return await empty(viewer, sheet, f"/paperwork/{kind}", given)


async def _drafted(viewer: Viewer, since: date) -> dict[str, str]:
    """The next year's plan, from the report of the year that began then."""
    async with viewer.console.database.transaction() as tx:
        report = await reports.get_report(tx, viewer.here, "year", since)
        if report is None or report.document is None:
            raise NotHere
        # Lessons are written after the report was read.
        document = report.document | await kept_beside(tx, viewer.here, report.period)
    return next_year(report._replace(document=document), await currency_of(viewer), viewer.say)


def _sheet(name: str, changing: bool) -> Sheet:
    kind = KINDS[name]
    label, hint = N_("Name"), N_("It keeps its name: others point to it by it.")
    if kind.names:
        first = Field("name", label, "choice", choices=kind.names, words=kind.words)
    else:
        first = Field("name", label, hint=hint, most=100)
    back = ("/plan", N_("Plan")) if name == HAND else (f"/paperwork/{name}", kind.label)
    return Sheet(N_("Change it") if changing else kind.add, N_("Save it"), (first, *kind.fields), back, kind.lead)


async def _known(viewer: Viewer, kind: str, name: str) -> Record | None:
    async with viewer.console.database.transaction() as tx:
        return await store.get_record(tx, viewer.here, kind, name)


@router.post("/s/{shop}/paperwork/{kind}")
async def save_paper(viewer: Guarded, kind: Name) -> Response:
    """A new version, or a new record; what cannot be used is said at its field."""
    found = written_by(viewer, kind)
    form = await filled(viewer, _sheet(kind, False), f"/paperwork/{kind}")
    number = form.version
    form.sheet = _sheet(kind, number > 0)
    if not form.wrong and found.fields and "until" in form.body and form.body["until"] <= form.body["since"]:
        form.wrong["until"] = N_("Write a day after the first one.")
    if not form.wrong and kind == "risk" and "alarm" in form.body and not form.body.get("indicator"):
        form.wrong["indicator"] = N_("Choose the figure that the limit is for.")
    if form.wrong:
        return form.refused()
    return await _save(viewer, kind, number, form)


async def _save(viewer: Viewer, kind: str, number: int, form: Filled) -> Response:
    name = form.body.pop("name")
    if form.currency:
        form.body["currency"] = form.currency
    try:
        await check_held(viewer, kind, name)
        saved = await commands.save(viewer, kind, name, number, form.body, form.written.get("form", "")[:50])
    except NotSaved as error:
        return form.draw(viewer.say(error.text, **error.values), 409)
    if kind == HAND:
        return see(viewer.url("/plan"), "saved")
    notice = "paper-asked" if saved.state == rules.ASKED else "saved"
    return see(viewer.url(f"/paperwork/{kind}/one?of={part(name)}"), notice)

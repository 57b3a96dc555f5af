"""Pages of records: a list of each kind with what is counted beside it, a form, one with its versions, decisions."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Path, Query, Response

from common.events.fields import PlannedDay
from common.storage.database import Transaction
from console.client import Answer
from console.forms.fields import Field
from console.forms.sheets import OTHER_CURRENCY, Filled, Sheet, currency_of, empty, filled
from console.paperwork import cells, indicators
from console.records import commands, rules, store
from console.records.commands import NotSaved
from console.records.kinds import HAND, KINDS, Kind
from console.records.state import Record
from console.reports import store as reports
from console.reports.making import kept_beside
from console.reports.next_year import next_year
from console.texts import N_
from console.web.guard import Guarded, NoAnswer, NotHere, NotTheirs
from console.web.page import Viewer, see
from console.web.paths import part

router = APIRouter()
Name = Annotated[str, Path(max_length=20)]
Of = Annotated[str, Query(max_length=100)]
Given = Annotated[str, Form(max_length=100)]
FormId = Annotated[str, Form(alias="form", max_length=50)]
Number = Annotated[int, Form(ge=0, le=2**31 - 1)]
Version = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
SHOWN = 50


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise NotHere
    return KINDS[name]


def _writes(viewer: Viewer, kind: Kind) -> bool:
    return viewer.may("save_paper") and (viewer.role == "owner" or not kind.owners)


def _written_by(viewer: Viewer, name: str) -> Kind:
    """The kind of a form. Raises NotTheirs where owners alone write it."""
    kind = _kind(name)
    if not _writes(viewer, kind):
        raise NotTheirs("owner")
    return kind


@router.get("/s/{shop}/paperwork")
async def paperwork(viewer: Guarded) -> Response:
    """To the first kind."""
    return see(viewer.url("/paperwork/budget"))


@router.get("/s/{shop}/paperwork/{kind}")
async def papers(viewer: Guarded, kind: Name, after: Of = "", version: Version = None) -> Response:
    """The kind's records, the newest first, with what is counted beside them.

    `after` and `version` are those of the last record of the page before.
    """
    found = _kind(kind)
    async with viewer.console.database.transaction() as tx:
        records, following = await _page(viewer, tx, kind, after, version)
        spent = await _spent(viewer, tx, kind, records) if found.amount else {}
    return await _list(viewer, kind, records, spent, after, following)


async def _page(
    viewer: Viewer, tx: Transaction, kind: str, after: str, version: int | None, item: str | None = None
) -> tuple[list[Record], Record | None]:
    """A page of records, and its last one where more follow. Raises NotHere where nothing is of that place."""
    place = None
    if after:
        place = (after, version or 0)
        if not await store.has_version(tx, viewer.here, kind, place):
            raise NotHere
    found = await store.list_page(tx, viewer.here, kind, place, SHOWN + 1, item)
    return found[:SHOWN], found[SHOWN - 1] if len(found) > SHOWN else None


async def _spent(viewer: Viewer, tx: Transaction, name: str, records: list[Record]) -> dict[str, rules.Spent]:
    """Of each budget item what is planned, approved and paid."""
    names, amount = [r.name for r in records], KINDS[name].amount
    deciding = await store.list_deciding(tx, viewer.here, name, names)
    paid = await store.sum_payments(tx, viewer.here, names)
    return {r.name: rules.spent_of(r, amount, deciding.get(r.name), paid.get(r.name, {})) for r in records}


async def _list(
    viewer: Viewer,
    name: str,
    records: list[Record],
    spent: dict[str, rules.Spent],
    after: str,
    following: Record | None,
) -> Response:
    kind = _kind(name)
    answers = await viewer.ask(*_asked(viewer, name, records))
    return viewer.draw(
        "paperwork/list.html",
        kinds={key: each for key, each in KINDS.items() if key != HAND},
        name=name,
        kind=kind,
        labels={f.name: f.label for f in kind.fields},
        rows=[(r, [_cell(r, one) for one in kind.shown]) for r in records],
        spent=spent,
        after=after,
        following=following,
        beside=_beside(name, records, answers),
        all=answers,
        part=part,
        me=viewer.who.person_id,
        writes=_writes(viewer, kind),
    )


def _cell(record: Record, name: str) -> tuple[str, str, str]:
    """As `cells.shown`, and where it leads to."""
    value = record.fields.get(name)
    return *cells.shown(record.kind, name, value, record.currency), cells.leads(record.kind, name, value)


def _asked(viewer: Viewer, name: str, records: list[Record]) -> list[Any]:
    """What stands beside the records."""
    asked = []
    if name == "risk":
        for service, path, params in (indicators.ASKED[one] for one in _watched(records)):
            asked.append(viewer.of_shop(service, path, **params))
    elif name == "competitor":
        asked.append(viewer.of_shop("membership", "/offers", limit="200"))
    elif name == "department":
        asked += [viewer.of_shop("segmentation", f"/kpis/{one}", days="90") for one in ("service", "repurchase")]
        asked.append(viewer.of_shop("feedback", "/survey-results/agent_rating"))
    return asked


def _watched(records: list[Record]) -> list[str]:
    """The indicators of these risks, each once."""
    return sorted({str(r.fields.get("indicator")) for r in records} & indicators.ASKED.keys())


def _beside(name: str, records: list[Record], answers: list[Answer]) -> dict[str, Any]:
    """Of each record what the services say: an indicator's value, or our offers at the time."""
    if name == "risk":
        wanted = _watched(records)
        values = {one: indicators.value_of(one, a.body) for one, a in zip(wanted, answers, strict=True) if a.ok}
        return {r.name: values.get(str(r.fields.get("indicator"))) for r in records}
    if name == "competitor" and answers[0].ok:
        offers = answers[0].body["offers"]
        return {r.name: indicators.beside(r.fields["since"], r.fields["until"], offers) for r in records}
    if name == "department":
        service, repurchase, ratings = answers
        rated = ratings.body if ratings.ok else None
        return {
            "in_time": service.body["in_time_percent"] if service.ok else None,
            "repurchase": repurchase.body["percent"] if repurchase.ok else None,
            "whole": service.ok and repurchase.ok,
            "ratings": None
            if rated is None
            else {
                r.name: indicators.rating_of(r.fields.get("agents") or (), rated["agents"], rated["agents_left_out"])
                for r in records
            },
        }
    return {}


@router.get("/s/{shop}/paper-form/{kind}")
async def paper_form(
    viewer: Guarded, kind: Name, of: Of = "", name: Of = "", about: Of = "", review: PlannedDay | None = None
) -> Response:
    """An empty form, or one that holds a record; `name`, `about`: what is known of a new one.

    `review`: the first day of the year whose report a plan is drafted from.
    """
    found = _written_by(viewer, kind)
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
    found = _written_by(viewer, kind)
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
        await _check_held(viewer, kind, name)
        saved = await commands.save(viewer, kind, name, number, form.body, form.written.get("form", "")[:50])
    except NotSaved as error:
        return form.draw(viewer.say(error.text, **error.values), 409)
    if kind == HAND:
        return see(viewer.url("/plan"), "saved")
    notice = "paper-asked" if saved.state == rules.ASKED else "saved"
    return see(viewer.url(f"/paperwork/{kind}/one?of={part(name)}"), notice)


async def _check_held(viewer: Viewer, kind: str, name: str) -> None:
    """Raises NotSaved where a payment holds the cost of a campaign that has begun, NoAnswer where that is unknown."""
    if kind != "spending":
        return
    async with viewer.console.database.transaction() as tx:
        known = await store.get_record(tx, viewer.here, kind, name)
    if known is None or known.state == rules.ENDED or not known.fields.get("starts"):
        return
    path = f"/campaigns/{part(str(known.fields['campaign']))}"
    (found,) = await viewer.console.services.ask(viewer.of_shop("messaging", path))
    if found.state == "unavailable":
        raise NoAnswer(found)
    if found.ok and found.body["state"] != "draft":
        raise NotSaved(
            N_("It holds the cost of a campaign that has begun: the campaign's page notes what it did cost, once over.")
        )


@router.get("/s/{shop}/paperwork/{kind}/one")
async def one_paper(
    viewer: Guarded, kind: Name, of: Of = "", before: Version = None, after: Of = "", version: Version = None
) -> Response:
    """A record with its versions, and a budget item with its payments.

    `before`: the oldest version of the page before; `after`, `version`: the last payment of the page before.
    """
    return await _one(viewer, kind, of, before=before, after=after, version=version)


async def _one(
    viewer: Viewer,
    name: str,
    of: str,
    error: str = "",
    status: int = 200,
    *,
    before: int | None = None,
    after: str = "",
    version: int | None = None,
) -> Response:
    kind = _kind(name)
    async with viewer.console.database.transaction() as tx:
        newest = await store.get_record(tx, viewer.here, name, of)
        if newest is None:
            raise NotHere
        versions = await store.list_versions(tx, viewer.here, name, of, before, SHOWN + 1)
        payments: list[Record] = []
        following = None
        if name == "budget":
            payments, following = await _page(viewer, tx, "spending", after, version, of)
    return viewer.draw(
        "paperwork/one.html",
        status,
        name=name,
        kind=kind,
        newest=newest,
        rows=[(f.label, *_cell(newest, f.name)) for f in kind.fields],
        versions=versions[:SHOWN],
        earlier=versions[SHOWN - 1].version if len(versions) > SHOWN else None,
        payments=[(p, *cells.shown("spending", "amount", p.fields["amount"], p.currency)) for p in payments],
        following=following,
        first=before is None and not after,
        error=error,
        part=part,
        me=viewer.who.person_id,
        writes=_writes(viewer, kind),
    )


@router.post("/s/{shop}/paperwork/{kind}/decide")
async def decide_paper(
    viewer: Guarded,
    kind: Name,
    of: Given = "",
    version: Number = 0,
    *,
    decision: Annotated[Literal["approve", "refuse"], Form()],
    form: FormId = "",
) -> Response:
    """Approve or refuse an item that another person asked for."""
    _kind(kind)
    try:
        await commands.decide(viewer, kind, of, version, form, approve=decision == "approve")
    except NotSaved as error:
        return await _one(viewer, kind, of, viewer.say(error.text, **error.values), 409)
    return see(viewer.url(f"/paperwork/{kind}/one?of={part(of)}"), "saved")


@router.post("/s/{shop}/paperwork/{kind}/end")
async def end_paper(viewer: Guarded, kind: Name, of: Given = "", version: Number = 0, form: FormId = "") -> Response:
    """Off the list; its versions stay."""
    _written_by(viewer, kind)
    try:
        await _check_held(viewer, kind, of)
        await commands.end(viewer, kind, of, version, form)
    except NotSaved as error:
        return await _one(viewer, kind, of, viewer.say(error.text, **error.values), 409)
    return see(viewer.url(f"/paperwork/{kind}"), "saved")

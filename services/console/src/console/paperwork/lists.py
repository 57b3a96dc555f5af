"""A page of a kind's records, with what is counted beside them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from common.storage.database import Transaction
from common.values.paths import part
from console.client import Answer
from console.paperwork import indicators
from console.paperwork.parts import Name, Of, Version, cell, kind_of, page_of, writes
from console.records import rules, store
from console.records.kinds import HAND, KINDS
from console.records.state import Record
from console.web.guard import Guarded
from console.web.page import Viewer, see

router = APIRouter()


@router.get("/s/{shop}/paperwork")
async def paperwork(viewer: Guarded) -> Response:
    """To the first kind."""
    return see(viewer.url("/paperwork/budget"))


@router.get("/s/{shop}/paperwork/{kind}")
async def papers(viewer: Guarded, kind: Name, after: Of = "", version: Version = None) -> Response:
    """The kind's records, the newest first, with what is counted beside them.

    `after` and `version` are those of the last record of the page before.
    """
    found = kind_of(kind)
    async with viewer.console.database.transaction() as tx:
        records, following = await page_of(viewer, tx, kind, after, version)
        spent = await _spent(viewer, tx, kind, records) if found.amount else {}
    return await _list(viewer, kind, records, spent, after, following)


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
    kind = kind_of(name)
    answers = await viewer.ask(*_asked(viewer, name, records))
    return viewer.draw(
        "paperwork/list.html",
        kinds={key: each for key, each in KINDS.items() if key != HAND},
        name=name,
        kind=kind,
        labels={f.name: f.label for f in kind.fields},
        rows=[(r, [cell(r, one) for one in kind.shown]) for r in records],
        spent=spent,
        after=after,
        following=following,
        beside=_beside(name, records, answers),
        all=answers,
        part=part,
        me=viewer.who.person_id,
        writes=writes(viewer, kind),
    )


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

"""The plan: a year in six phases, what each still lacks, and the page where it is mended (ANA-053, XCT-021 to 027)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from fastapi import APIRouter, Response

from console.client import Answer, Ask
from console.plan.checks import CHECKS, KEPT, NAMES, PHASES, Check, Question, phases
from console.records import store as records
from console.records.state import Record
from console.reports import store as reports
from console.reports.making import Reports
from console.web.guard import Guarded
from console.web.page import Viewer

router = APIRouter()


@router.get("/s/{shop}/plan")
async def plan(viewer: Guarded) -> Response:
    """Each check with its number; what nobody says now is neither done nor open."""
    async with viewer.console.database.transaction() as tx:
        plans = await records.list_all(tx, viewer.here, "plan")
        marks = {r.name: r for r in await records.list_all(tx, viewer.here, "mark", NAMES) if r.fields["done"]}
    today = await Reports(viewer.console).today(viewer.here) or datetime.now(UTC).date()
    mine, later = in_force(plans, today)
    starts = date.fromisoformat(mine.fields["starts"]) if mine is not None else today
    body = await _kept(viewer, starts) | {"later": len(later)}
    answers = await _ask(viewer, starts, body)
    shown = []
    for title, phase, checks in zip(PHASES, phases(starts), CHECKS, strict=True):
        rows = [(check, *_found(check, answers[check.asked]), marks.get(check.name)) for check in checks]
        shown.append((title, phase, rows, sum(1 for _, state, _, mark in rows if state == "done" or mark)))
    return viewer.draw("plan/plan.html", mine=mine, today=today, phases=shown, later=later, all=list(answers.values()))


async def _kept(viewer: Viewer, starts: date) -> dict[str, int]:
    """What the console keeps of the plan's year: reports that ended in it, made by the calendar, and lessons."""
    since, until = starts, phases(starts)[-1].until
    async with viewer.console.database.transaction() as tx:
        found = {kind: await reports.count_ended(tx, viewer.here, kind, since, until) for kind in ("week", "year")}
        lessons = await records.list_of_period(tx, viewer.here, "lesson", since.isoformat(), until.isoformat())
    return found | {"lessons": len(lessons)}


def in_force(plans: list[Record], today: date) -> tuple[Record | None, list[Record]]:
    """The plan that began last, or else the first to come; and those that begin after it."""
    ordered = sorted(plans, key=lambda plan: plan.fields["starts"])
    begun = [plan for plan in ordered if plan.fields["starts"] <= today.isoformat()]
    mine = begun[-1] if begun else ordered[0] if ordered else None
    return mine, [plan for plan in ordered if mine is not None and plan.fields["starts"] > mine.fields["starts"]]


async def _ask(viewer: Viewer, starts: date, kept: dict[str, int]) -> dict[Question, Answer]:
    """Each question once, all at the same time."""
    asked = list(dict.fromkeys(check.asked for phase in CHECKS for check in phase if check.asked != KEPT))
    answers = await viewer.ask(*(_question(viewer, one, starts) for one in asked))
    return dict(zip(asked, answers, strict=True)) | {KEPT: Answer("console", "ok", kept)}


def _question(viewer: Viewer, asked: Question, starts: date) -> Ask:
    year = phases(starts)
    times = {"since": f"{year[0].since}T00:00:00Z", "until": f"{year[-1].until}T00:00:00Z"}
    return viewer.of_shop(asked.service, asked.path, **{name: value.format(**times) for name, value in asked.params})


def _found(check: Check, answer: Answer) -> tuple[str, int | None]:
    """`done`, `open`, or what the answer's state is; and how many there are."""
    if not answer.ok:
        return answer.state, None
    body: Any = answer.body
    count = check.count(body)
    return ("done" if count >= check.least else "open"), count

"""A draft of the next year's plan, from the kept report of a year; pure (ANA-048, XCT-026).

Figures of the year are what the next one is to exceed, goals that were missed are set again, and what the report
advises and people have learnt is what to look at. A person reads it and saves it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from console.reports.advice import advice
from console.reports.figures import FIGURES
from console.reports.sections import Say, amount
from console.reports.store import Report
from console.texts import N_
from console.web import formats

TO_EXCEED = ("net", "returning", "repurchase", "retention")
_MOST_GOALS, _MOST_FOCUS = 2_000, 1_000
"""Characters that the plan's form takes."""


def next_year(report: Report, currency: str, say: Say) -> dict[str, str]:
    """Fields of the plan's form, by name; `currency`: the shop's, in which the budget is written."""
    document = report.document or {"figures": {}}
    last = report.period.until
    items = document.get("notes", {}).get("budget", [])
    planned = [item["planned"] for item in items if item["currency"] == currency]
    return {
        "name": str(last.year),
        "starts": last.isoformat(),
        "goals": _within(list(_goals(document, say)), _MOST_GOALS),
        "focus": _within(list(_focus(document, say)), _MOST_FOCUS),
        "budget": formats.major(sum(planned), currency) if planned else "",
    }


def _goals(document: dict[str, Any], say: Say) -> Iterator[str]:
    for figure in FIGURES:
        value, _ = document["figures"].get(figure.name, (None, None))
        if figure.name in TO_EXCEED and value is not None:
            shown = amount(value, figure.unit, document.get("currency", ""), say).shown
            yield say(N_("{what}: more than {value}"), what=say(figure.label), value=shown)
    for goal in document.get("goals", []):
        if goal["state"] == "missed":
            yield say(N_("Once more: {goal}"), goal=goal["name"])


def _focus(document: dict[str, Any], say: Say) -> Iterator[str]:
    for each in advice(document):
        yield say(each.text, **each.values)
    for name, learnt in document.get("notes", {}).get("lessons", []):
        yield f"{name}: {learnt}"


def _within(lines: Sequence[str], most: int) -> str:
    """As many whole lines as have room."""
    kept: list[str] = []
    for line in lines:
        if sum(len(each) + 1 for each in kept) + len(line) <= most:
            kept.append(line)
    return "\n".join(kept)

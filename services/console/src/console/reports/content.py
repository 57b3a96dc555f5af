"""Titles and lines of a report around its sections, as page, PDF and mail say them; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from console.reports.advice import advice
from console.reports.periods import Period
from console.reports.sections import Say, Section, word
from console.reports.store import Report
from console.texts import N_


def title_of(shop: str, period: Period, say: Say) -> str:
    """`tea: Week of 2026-03-02 to 2026-03-08`."""
    return f"{shop}: {name_of(period, say)}"


def name_of(period: Period, say: Say) -> str:
    """`Week of 2026-03-02 to 2026-03-08`."""
    last, kind = period.until - timedelta(days=1), word(f"report_{period.kind}", say)
    return say(N_("{kind} of {first} to {last}"), kind=kind[:1].upper() + kind[1:], first=period.since, last=last)


def lead_of(report: Report, say: Say) -> list[str]:
    """What is missing, and what to do next."""
    document = report.document or {"missing": {}, "figures": {}}
    missing = sorted(set(document["missing"].values()))
    lines = []
    if missing:
        said = ", ".join(missing)
        lines.append(
            say(N_("Not whole yet: {services} did not answer; what is missing is asked for again."), services=said)
        )
    lines += [say(each.text, **each.values) for each in advice(document)]
    return lines


def content_of(shop: str, report: Report, shown: Sequence[Section], say: Say) -> dict[str, Any]:
    """What the PDF is drawn from."""
    return {
        "title": title_of(shop, report.period, say),
        "lead": lead_of(report, say),
        "sections": [
            {
                "title": s.title,
                "heads": list(s.heads),
                "rows": [[cell.shown for cell in row] for row in s.rows],
                "numbers": list(s.numbers),
                "note": s.note,
            }
            for s in shown
        ],
    }

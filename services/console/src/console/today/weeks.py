"""The shop's weeks for a chart: every week of the period, also those without an order, which the service leaves out."""

from __future__ import annotations

from datetime import date, timedelta, tzinfo
from typing import Any

from console.web.formats import instant

PERIODS = (4, 12, 26, 52)
"""Weeks that may be looked at."""
WEEK = timedelta(days=7)


def by_currency(body: dict[str, Any], zone: tzinfo) -> dict[str, list[dict[str, Any]]]:
    """Of each currency with any order the weeks from `since` to the one of `as_of`, oldest first; none left out."""
    first, now = date.fromisoformat(body["since"]), instant(body["as_of"])
    assert now is not None
    last = now.astimezone(zone).date()
    weeks = [(first + n * WEEK).isoformat() for n in range((last - first) // WEEK + 1)]
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for each in body["weeks"]:
        found.setdefault(each["currency"], {})[each["week"]] = each
    nothing = {"orders": 0, "buyers": 0, "net": 0}
    return {
        currency: [{"week": week, "currency": currency} | of_week.get(week, nothing) for week in weeks]
        for currency, of_week in found.items()
    }

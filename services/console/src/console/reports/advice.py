"""What to do next, from a report's figures: a sentence and the page where it is done; pure (ANA-044, ANA-050)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

from console.reports.figures import FIGURES, change_of, is_worse
from console.reports.sections import effect_of
from console.texts import N_

MOST = 6
_SLOW = 80
"""Per cent of tickets answered in time below which the report speaks of it."""
_BY_NAME = {figure.name: figure for figure in FIGURES}


class Advice(NamedTuple):
    """`path`: of the page within the shop."""

    text: str
    path: str
    values: Mapping[str, object] = MappingProxyType({})


def advice(document: dict[str, Any]) -> list[Advice]:
    """The most urgent first; empty where nothing stands out."""
    return list(_found(document))[:MOST]


def _found(d: dict[str, Any]) -> Iterator[Advice]:
    worse = sum(1 for each in d.get("anomalies") or [] if each["worse"])
    if worse:
        yield Advice(
            N_("Figures that fell out of the usual: {n}. Look at what ran in that week."), "/kpis", {"n": worse}
        )
    for goal in d.get("goals", []):
        if goal["forecast"] and goal["forecast"]["outlook"] == "unlikely":
            yield Advice(N_("The goal {goal} will hardly be reached as things go."), "/goals", {"goal": goal["name"]})
    yield from _of_campaigns(d)
    figures = d["figures"]
    if _fell(figures, "repurchase"):
        yield Advice(N_("Fewer of the buyers came back than before: write to those who are slipping."), "/regulars")
    if _fell(figures, "new_buyers") and not _fell(figures, "returning"):
        yield Advice(N_("Fewer new buyers came: ask regulars to bring friends."), "/referrals")
    in_time = figures.get("in_time", [None])[0]
    if in_time is not None and Decimal(str(in_time)) < _SLOW:
        yield Advice(
            N_("Of the tickets {percent} % were answered within the hour: see who waits."),
            "/tickets",
            {"percent": in_time},
        )
    for item in d.get("notes", {}).get("budget", []):
        if item["left"] < 0:
            yield Advice(N_("More was spent on {item} than it may cost."), "/paperwork/budget", {"item": item["name"]})


def _of_campaigns(d: dict[str, Any]) -> Iterator[Advice]:
    campaigns = d.get("campaigns")
    if campaigns is None:
        return
    if not campaigns:
        yield Advice(N_("No campaign ran: plan one, with a hold-out that shows what it brings."), "/campaigns")
    per_order = d["figures"].get("per_order", [None])[0]
    for each in campaigns:
        title = {"title": each["title"]}
        cost = each["cost_per_extra_order"]
        if effect_of(each) == "harmed":
            yield Advice(N_("{title} did harm: do not send it again."), "/campaigns", title)
        elif None not in (cost, per_order) and each["currency"] == d["currency"] and cost > per_order:
            yield Advice(N_("An extra order by {title} cost more than an order brings."), "/campaigns", title)
        elif effect_of(each) == "helped":
            yield Advice(N_("{title}: it brought orders that would not have come. Plan it again."), "/campaigns", title)


def _fell(figures: dict[str, Any], name: str) -> bool:
    return name in figures and is_worse(_BY_NAME[name], change_of(_BY_NAME[name], *figures[name]))

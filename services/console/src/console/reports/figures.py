"""Figures of a report as data: which answer each stands in, its unit, and whether more is better; pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from console.texts import N_

Unit = Literal["count", "money", "percent", "number", "seconds"]


class Figure(NamedTuple):
    """`part`: segmentation's key figure that answers it; `path`: of the answer. `better`: 1 more, -1 less.

    `lacks`: why there is no value.
    """

    name: str
    label: str
    part: str
    path: tuple[str, ...]
    unit: Unit
    better: int = 1
    lacks: str = N_("n/a: nobody bought")


FIGURES = (
    Figure("net", N_("Sales"), "spending", ("net",), "money"),
    Figure("orders", N_("Orders"), "spending", ("orders",), "count"),
    Figure("buyers", N_("Buyers"), "spending", ("buyers",), "count"),
    Figure("per_order", N_("By order"), "spending", ("per_order",), "money"),
    Figure("per_buyer", N_("By buyer"), "spending", ("per_buyer",), "money"),
    Figure("orders_per_buyer", N_("Orders by buyer"), "spending", ("orders_per_buyer",), "number"),
    Figure("repurchase", N_("Repurchase rate"), "repurchase", ("percent",), "percent"),
    Figure("returning", N_("Returning buyers"), "repurchase", ("returning",), "count"),
    Figure(
        "retention",
        N_("Retention"),
        "retention",
        ("percent",),
        "percent",
        lacks=N_("n/a: nobody bought in the period before"),
    ),
    Figure("new_buyers", N_("New buyers"), "new-and-returning", ("new", "buyers"), "count"),
    Figure("returning_net", N_("Sales to returning buyers"), "new-and-returning", ("returning", "net"), "money"),
    Figure(
        "refunded",
        N_("Refunded orders of returning buyers"),
        "new-and-returning",
        ("returning", "refunded_percent"),
        "percent",
        -1,
    ),
    Figure("reviews", N_("Reviews by returning buyers"), "new-and-returning", ("returning", "reviews"), "count"),
    Figure(
        "positive",
        N_("Good reviews of them"),
        "new-and-returning",
        ("returning", "positive_percent"),
        "percent",
        lacks=N_("n/a: no review"),
    ),
    Figure("referred", N_("New buyers whom others brought"), "referred-buyers", ("referred", "customers"), "count"),
    Figure("tickets", N_("Tickets opened"), "service", ("opened",), "count", -1),
    Figure(
        "in_time",
        N_("Tickets answered within the hour"),
        "service",
        ("in_time_percent",),
        "percent",
        lacks=N_("n/a: no ticket"),
    ),
    Figure(
        "resolve",
        N_("Usually resolved after"),
        "service",
        ("resolve_seconds",),
        "seconds",
        -1,
        N_("n/a: no ticket was resolved"),
    ),
    Figure("rating", N_("Mean rating of agents"), "service", ("mean_rating",), "number", lacks=N_("n/a: nobody rated")),
)
PARTS = tuple(dict.fromkeys(figure.part for figure in FIGURES))
"""Key figures that are asked for, for the period and for the one before."""


def values_of(part: str, now: Mapping[str, Any], was: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The part's figures as [value, value before]; None where there is nobody to count from."""
    return {f.name: [_at(now, f.path), _at(was, f.path)] for f in FIGURES if f.part == part}


def _at(body: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = body
    for step in path:
        found = found[step]
    return found


def change_of(figure: Figure, value: Any, was: Any) -> Decimal | None:
    """By how much it changed: per cent of before, of percentages points; None where that cannot be said."""
    if value is None or was is None:
        return None
    now, then = Decimal(str(value)), Decimal(str(was))
    if figure.unit == "percent":
        return (now - then).quantize(Decimal("0.1"))
    return ((now - then) * 100 / then).quantize(Decimal("0.1")) if then else None


def is_worse(figure: Figure, change: Decimal | None) -> bool:
    return change is not None and change * figure.better < 0

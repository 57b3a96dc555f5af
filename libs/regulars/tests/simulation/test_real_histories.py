"""What is simulated looks like what real shops saw: repeats, gaps between orders and amounts (issue: the simulator)."""

from __future__ import annotations

import csv
import gzip
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from regulars.simulation.catalogue import Catalogue
from regulars.simulation.plan import Plan
from regulars.simulation.stream import simulated

SHARED = Path(os.environ.get("REGULARS_SHARED", Path(__file__).parents[4] / "shared")) / "data"
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the histories are not here")
Orders = Mapping[str, list[tuple[date, float]]]
"""By customer the day of each order and what was paid, in major units."""


class Looks(NamedTuple):
    """`repeat`: share of customers with a second day of orders; `days`: such days of a customer in the mean; quartiles
    of the days between them, and of amounts."""

    repeat: float
    days: float
    gaps: tuple[float, float, float]
    amounts: tuple[float, float, float]


def looks(orders: Orders) -> Looks:
    days = [sorted({day for day, _ in made}) for made in orders.values()]
    gaps = [(later - day).days for own in days for day, later in pairwise(own)]
    return Looks(
        sum(len(own) > 1 for own in days) / len(days),
        sum(map(len, days)) / len(days),
        _quartiles(gaps),
        _quartiles(amount for made in orders.values() for _, amount in made),
    )


def _quartiles(values: Iterable[float]) -> tuple[float, float, float]:
    found = sorted(values)
    first, second, third = (found[len(found) * part // 4] for part in (1, 2, 3))
    return first, second, third


def unlike(one: Looks, other: Looks) -> list[str]:
    """Where they differ: by more than 0.06 in the share that repeats, by more than a fifth otherwise."""
    found = [] if abs(one.repeat - other.repeat) <= 0.06 else ["repeat"]
    named = [("days", one.days, other.days)]
    for name in ("gaps", "amounts"):
        named += [
            (f"{name} {part}/4", *pair)
            for part, pair in enumerate(zip(getattr(one, name), getattr(other, name), strict=True), 1)
        ]
    return found + [name for name, a, b in named if not 0.8 <= a / b <= 1.25]


@cache
def cdnow() -> Looks:
    found = defaultdict(list)
    with gzip.open(SHARED / "cdnow_master.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            found[row["customer_id"]].append((date.fromisoformat(row["date"]), float(row["dollar_value"])))
    return looks(found)


def online_retail() -> Looks:
    """Sales to known customers; cancellations left out."""
    paid: dict[str, float] = defaultdict(float)
    whose: dict[str, tuple[str, date]] = {}
    with gzip.open(SHARED / "uci_online_retail.csv.gz", "rt") as file:
        rows = csv.reader(file)
        next(rows)
        for invoice, _, _, quantity, at, price, customer, _ in rows:
            if customer and invoice.isdecimal():
                paid[invoice] += int(quantity) * float(price)
                if invoice not in whose:
                    whose[invoice] = customer, date.fromisoformat(at[:10])
    found = defaultdict(list)
    for invoice, (customer, day) in whose.items():
        found[customer].append((day, paid[invoice]))
    return looks(found)


def made_up(kind: str, customers: int, end: datetime, days: int, acquired_days: int) -> Looks:
    plan = Plan("demo", kind, customers, end, days, 7, acquired_days)
    found = defaultdict(list)
    for said in simulated(plan, Catalogue(plan), lambda truth: None):
        if said.body.get("type") == "order.paid":
            day = said.at.astimezone(plan.zone).date()
            found[said.body["subject"]].append((day, said.body["data"]["goods_paid"] / 100))
    return looks(found)


@pytest.fixture(scope="module")
def music() -> Looks:
    """As CDNOW's: customers of twelve weeks, looked at for eighteen months."""
    return made_up("music", 5_000, datetime(1998, 7, 1, 3, tzinfo=UTC), 546, 84)


def test_a_music_shop_looks_like_cdnow(music: Looks) -> None:
    """Fader and Hardie (2001): 23,570 customers; half order again."""
    assert unlike(music, cdnow()) == []


def test_a_gift_shop_looks_like_online_retail(music: Looks) -> None:
    """Chen, Sain and Guo (2012): 4,339 customers within a year, of whom most were customers before."""
    retail = online_retail()
    gifts = made_up("gifts", 3_000, datetime(2011, 12, 9, 13, tzinfo=UTC), 373, 280)
    assert unlike(gifts, retail) == []
    assert {"amounts 2/4", "repeat"} <= set(unlike(music, retail)), "another kind of shop is told apart"

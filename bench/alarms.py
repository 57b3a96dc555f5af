"""How often a week is called unusual though nothing happened, and how often a fall is found (ANA-045).

    python -m bench.alarms

A year of weeks of simulated shops, which go on as their customers do, each against the four before, as segmentation
judges them. Every alert of such a year is a false one, but for seasons. Then each week once more with a part of its
orders taken away: the share of these that is found. Nothing is started; the figures are the rule's alone.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from regulars.simulation.catalogue import Catalogue
from regulars.simulation.plan import Plan
from regulars.simulation.stream import simulated
from segmentation.kpis.anomalies import Figure, Kpi, anomalies

WEEKS, BEFORE, PERCENT = 52, 4, 40
WARM_DAYS = 182
"""Before the judged weeks and those they are compared with: a shop that has just begun grows each week."""
END = datetime(2026, 6, 1, tzinfo=UTC)
COMPLETES_AFTER = timedelta(days=7)
FALLS = (0.4, 0.5, 0.6)
Weeks = list[dict[Figure, int]]


class Order(NamedTuple):
    customer: str
    day: date
    net: int


@dataclass(slots=True)
class Shop:
    """Completed orders, and the days of complaints and low reviews."""

    orders: list[Order] = field(default_factory=list)
    complaints: list[date] = field(default_factory=list)
    low_reviews: list[date] = field(default_factory=list)


def shop_of(plan: Plan) -> Shop:
    """What segmentation would know of the simulated shop; who does not confirm has completed a week after delivery."""
    found, at, paid = Shop(), dict[str, tuple[str, datetime]](), Counter[str]()
    for said in simulated(plan, Catalogue(plan), lambda _: None):
        day, body = said.at.astimezone(plan.zone).date(), said.body
        if said.door == "tickets" and body["kind"] in ("complaint", "quality", "delivery"):
            found.complaints.append(day)
        elif said.door == "reviews" and body["stars"] <= 2:
            found.low_reviews.append(day)
        elif said.door == "events":
            order = str(body["data"].get("order_id", ""))
            match body["type"]:
                case "order.delivered":
                    at[order] = (body["subject"], said.at + COMPLETES_AFTER)
                    paid[order] += body["data"]["goods_paid"]
                case "order.completed":
                    at[order] = (body["subject"], said.at)
                case "order.closed":
                    at.pop(order, None)
                case "order.refunded":
                    paid[order] -= body["data"]["amount"]
    for order, (customer, completed) in at.items():
        found.orders.append(Order(customer, completed.astimezone(plan.zone).date(), paid[order]))
    return found


def weeks_of(shop: Shop, first: date, count: int) -> Weeks:
    """The figures of so many weeks from that Monday on, as segmentation counts them."""
    began: dict[str, date] = {}
    for order in shop.orders:
        began[order.customer] = min(order.day, began.get(order.customer, order.day))
    orders, net = [0] * count, [0] * count
    buyers: list[set[str]] = [set() for _ in range(count)]
    returning: list[set[str]] = [set() for _ in range(count)]
    for order in shop.orders:
        week = (order.day - first).days // 7
        if 0 <= week < count:
            orders[week] += 1
            net[week] += order.net
            buyers[week].add(order.customer)
            if began[order.customer] < order.day:
                returning[week].add(order.customer)
    said = {name: Counter((day - first).days // 7 for day in getattr(shop, name)) for name in _DATED}
    weeks: Weeks = [
        {
            "orders": orders[n],
            "buyers": len(buyers[n]),
            "returning_buyers": len(returning[n]),
            "net": net[n],
            "complaints": said["complaints"][n],
            "low_reviews": said["low_reviews"][n],
        }
        for n in range(count)
    ]
    for n, each in enumerate(weeks):
        if orders[n]:
            each["per_order"] = net[n] // orders[n]
    return weeks


_DATED = ("complaints", "low_reviews")


def judged(weeks: Weeks) -> Iterator[tuple[bool, Kpi]]:
    """(worse, figure) of each alert of the weeks that have four before them."""
    for n in range(BEFORE, len(weeks)):
        yield from ((each.worse, each.kpi) for each in anomalies(weeks[n - BEFORE : n + 1], PERCENT))


def found_falls(weeks: Weeks, part: float, seed: int) -> Iterator[bool]:
    """Of each week with a part of its orders taken away by lot, whether the fall of its orders is found."""
    random = Random(seed)
    for n in range(BEFORE, len(weeks)):
        kept = sum(random.random() >= part for _ in range(weeks[n]["orders"]))
        fallen: Weeks = [*weeks[n - BEFORE : n], {"orders": kept}]
        yield any(each.kpi == "orders" and each.worse for each in anomalies(fallen, PERCENT))


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m bench.alarms", description=__doc__)
    parser.add_argument("--shops", type=int, default=5, help="of each kind (default: %(default)s)")
    parser.add_argument("--customers", type=int, default=2_000, help="of each shop (default: %(default)s)")
    asked = parser.parse_args(given)
    days = 7 * (WEEKS + BEFORE) + WARM_DAYS
    last = END.date() - timedelta(days=END.date().weekday())
    first = last - timedelta(weeks=WEEKS + BEFORE)
    console = Console(width=180)
    table = Table(
        *("shops", "orders a week", "weeks", "alerts", "of them worse", "worse a shop's year", "which"),
        *(f"{part:.0%} less: found" for part in FALLS),
        box=None,
    )
    for kind in ("tea", "gifts", "music"):
        alerts, worse, orders, falls = Counter[Kpi](), Counter[Kpi](), 0, {part: list[bool]() for part in FALLS}
        for seed in range(1, asked.shops + 1):
            shop = shop_of(Plan("alarms", kind, asked.customers, END, days, seed))
            weeks = weeks_of(shop, first, WEEKS + BEFORE)
            orders += sum(week["orders"] for week in weeks[BEFORE:])
            for is_worse, kpi in judged(weeks):
                alerts[kpi] += 1
                worse[kpi] += is_worse
            for part in FALLS:
                falls[part] += found_falls(weeks, part, seed)
        year = WEEKS * asked.shops
        table.add_row(
            *(f"{asked.shops} of {kind}", f"{orders / year:,.0f}", f"{year:,}", f"{alerts.total()}"),
            *(f"{worse.total()}", f"{worse.total() / asked.shops:.1f}"),
            ", ".join(f"{kpi} {n}" for kpi, n in worse.most_common() if n) or "none",
            *(f"{sum(falls[part]) / len(falls[part]):.0%}" for part in FALLS),
        )
    console.print(table)


if __name__ == "__main__":
    main()

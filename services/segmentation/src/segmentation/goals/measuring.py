"""Key figures of any period over buyers' days, as arrays: what forecasts of goals are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt

Measured = Literal["orders", "net", "buyers", "new_buyers", "repurchase_rate", "orders_per_buyer"]
ADDED: frozenset[str] = frozenset(("orders", "net", "buyers", "new_buyers"))
"""Those that only rise while their period goes on; the others are ratios."""
Numbers = npt.NDArray[np.float64]
Days = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bought:
    """Arrays of the same length, a row for each customer and day of buying, by day: the customer's number from 0 on,
    the day as an ordinal, orders, net in minor units, and the customer's first day of all."""

    who: Days
    day: Days
    orders: Days
    net: Days
    first: Days

    @property
    def began(self) -> int:
        return int(self.day[0]) if len(self.day) else 0

    def between(self, since: int, until: int) -> Bought:
        """What was bought in [since, until)."""
        first, last = np.searchsorted(self.day, (since, until))
        return Bought(
            self.who[first:last],
            self.day[first:last],
            self.orders[first:last],
            self.net[first:last],
            self.first[first:last],
        )


def bought_of(rows: Iterable[tuple[str, date, int, int, date]]) -> Bought:
    """From rows of a customer, a day, orders, net, and the customer's first day."""
    numbers: dict[str, int] = {}
    table = [
        (numbers.setdefault(who, len(numbers)), day.toordinal(), orders, net, first.toordinal())
        for who, day, orders, net, first in rows
    ]
    columns = np.array(table, dtype=np.int64).reshape(len(table), 5)
    columns = columns[np.argsort(columns[:, 1], kind="stable")]
    return Bought(*(np.ascontiguousarray(columns[:, place]) for place in range(5)))


def measure(kpi: Measured, bought: Bought, since: int, until: int) -> float | None:
    """The key figure of [since, until), days as ordinals; None: a ratio of nothing."""
    of = bought.between(since, until)
    if kpi == "orders":
        return float(of.orders.sum())
    if kpi == "net":
        return float(of.net.sum())
    if kpi == "new_buyers":
        return float((of.day == of.first).sum())
    _, place = np.unique(of.who, return_inverse=True)
    orders = np.bincount(place, weights=of.orders)
    if kpi == "buyers":
        return float(len(orders))
    if not len(orders):
        return None
    return float(orders.mean()) if kpi == "orders_per_buyer" else 100.0 * float((orders >= 2).mean())

"""The CDNOW history, read apart from the product, so that the product's results can be checked against it.

Cite Fader and Hardie (2001), Interfaces 31, S94-S107. The files lie in the PyPI package `lifetimes`, used as data.
"""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from regulars.stack.errors import StackError

ZONE = ZoneInfo("America/New_York")
SAMPLE, MASTER = "CDNOW_sample.txt", "CDNOW_master.txt"


@dataclass(frozen=True, slots=True)
class History:
    """A history's file and what a few lines over it give; `first` maps a customer to the day of the first purchase.

    `later`: customer and cents of each purchase after that day; `again`: customers with two purchases or more.
    """

    path: Path
    layout: str
    orders: int
    cents: int
    first: dict[str, date]
    last_day: date
    again: int
    later: tuple[tuple[str, date, int], ...]

    @property
    def later_orders(self) -> int:
        return len(self.later)

    @property
    def later_cents(self) -> int:
        return sum(cents for _, _, cents in self.later)

    def halves(self, periods: Sequence[tuple[str, str]]) -> list[int]:
        """Customers with a purchase after their first day in each period of [since, until)."""
        return [
            len({who for who, day, _ in self.later if since <= day.isoformat() < until}) for since, until in periods
        ]


def find(everything: bool) -> Path:
    """Where the file lies. Raises StackError saying how to get it."""
    spec = importlib.util.find_spec("lifetimes")
    if spec is None or not spec.submodule_search_locations:
        raise StackError("the history is missing: `make demo` installs it, or run: uv pip install --no-deps lifetimes")
    return Path(spec.submodule_search_locations[0]) / "datasets" / (MASTER if everything else SAMPLE)


def read(path: Path) -> History:
    """Count a file's purchases; the sample has a column more than the whole."""
    first: dict[str, date] = {}
    purchases: list[tuple[str, date, int]] = []
    sample = path.name == SAMPLE
    for line in path.read_text("ascii").splitlines():
        fields = line.split()
        if not fields or not fields[0].isdigit():
            continue
        day = datetime.strptime(fields[2 if sample else 1], "%Y%m%d").date()
        customer = fields[0]
        first[customer] = min(day, first.get(customer, day))
        purchases.append((customer, day, int(Decimal(fields[-1]) * 100)))
    times = Counter(customer for customer, _, _ in purchases)
    return History(
        path,
        "cdnow_sample" if sample else "cdnow_master",
        len(purchases),
        sum(cents for _, _, cents in purchases),
        first,
        max(day for _, day, _ in purchases),
        sum(n > 1 for n in times.values()),
        tuple(each for each in purchases if each[1] > first[each[0]]),
    )

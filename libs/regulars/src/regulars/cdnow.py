"""The CDNOW history, read apart from the product, so that the product's results can be checked against it.

Cite Fader and Hardie (2001), Interfaces 31, S94-S107. The files lie in the PyPI package `lifetimes`, used as data.
"""

from __future__ import annotations

import importlib.util
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
    """A history's file and what a few lines over it give; `first` maps a customer to the day of the first purchase."""

    path: Path
    layout: str
    orders: int
    cents: int
    first: dict[str, date]
    last_day: date


def find(everything: bool) -> Path:
    """Where the file lies. Raises StackError saying how to get it."""
    spec = importlib.util.find_spec("lifetimes")
    if spec is None or not spec.submodule_search_locations:
        raise StackError("the history is missing: `make demo` installs it, or run: uv pip install --no-deps lifetimes")
    return Path(spec.submodule_search_locations[0]) / "datasets" / (MASTER if everything else SAMPLE)


def read(path: Path) -> History:
    """Count a file's purchases; the sample has a column more than the whole."""
    first: dict[str, date] = {}
    orders, cents, last = 0, 0, date.min
    sample = path.name == SAMPLE
    for line in path.read_text("ascii").splitlines():
        fields = line.split()
        if not fields or not fields[0].isdigit():
            continue
        day = datetime.strptime(fields[2 if sample else 1], "%Y%m%d").date()
        customer = fields[0]
        first[customer] = min(day, first.get(customer, day))
        orders += 1
        cents += int(Decimal(fields[-1]) * 100)
        last = max(last, day)
    return History(path, "cdnow_sample" if sample else "cdnow_master", orders, cents, first, last)

"""How a shop's own customers are graded by R, F and M: `python -m segmentation.attributes.rfm.evaluate FILE`.

FILE is CSV, gzip or not, an order a row: who, when, how much. Graded is by all orders up to the day `--as-of`, that day
included, as the shop's statistics of that day would: of its own published example the R package `rfm` counts the same.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal, get_args

from segmentation.attributes.rfm.groups import GROUPS, Map, group_of
from segmentation.attributes.rfm.rules import Measure, graded
from segmentation.lifetime_value.order_file import Unusable, iso_day, name_columns, rows_of
from segmentation.shop_statistics.grades import places
from segmentation.shop_statistics.rules import Tally, add_up

Graded = Literal["quantile", "equal_groups"]
CURRENCY = "USD"
"""Amounts are in hundredths, as of any currency with cents."""
SHOWN = 3


def measures_of(
    path: Path, customer: str, day: str, amount: str, quantity: str | None, as_of: date
) -> dict[str, Measure]:
    """R, F and M of each customer with an order up to the day. Raises Unusable, OSError and UnicodeDecodeError."""
    last: dict[str, date] = {}
    orders, spent = Counter[str](), defaultdict[str, int](int)
    for who, at, minor in rows_of(path, customer, day, amount, quantity):
        if at <= as_of:
            last[who] = max(at, last.get(who, at))
            orders[who] += 1
            spent[who] += minor
    if not last:
        raise Unusable(f"nobody ordered up to {as_of}: there is nobody to grade")
    return {who: Measure((as_of - at).days, orders[who], max(0, spent[who]), CURRENCY) for who, at in last.items()}


def grades_of(measures: Sequence[Measure], scoring: Graded, as_of: date) -> list[tuple[int, int, int]]:
    """Grades 1 to 5 of R, F and M of each, among all of them."""
    counted = tuple(Counter(each) for each in zip(*(places(*m[:3], scoring) for m in measures), strict=True))
    tally = Tally({}, len(measures), 0, 0, {}, sum(each.frequency for each in measures), counted)
    known = add_up([tally], as_of, datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC), 12, scoring, CURRENCY)
    return [graded(each, known, scoring) for each in measures]


def main(given: Sequence[str] | None = None) -> int:
    """Print how many are in each group; 2 where the file cannot be used."""
    parser = argparse.ArgumentParser("python -m segmentation.attributes.rfm.evaluate", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--as-of", type=iso_day, required=True, help="the last day that counts")
    parser.add_argument("--method", choices=get_args(Graded), default="quantile")
    parser.add_argument("--groups", choices=sorted(GROUPS), default="ten_groups")
    name_columns(parser)
    asked = parser.parse_args(given)
    try:
        measures = measures_of(asked.file, asked.customer, asked.date, asked.amount, asked.quantity, asked.as_of)
    except (OSError, UnicodeDecodeError, Unusable) as error:
        print(f"{asked.file}: {error}", file=sys.stderr)
        return 2
    grades = grades_of(list(measures.values()), asked.method, asked.as_of)
    named: Map = asked.groups
    found = Counter(group_of(named, each) for each in grades)
    print(f"{len(measures):,} customers by {asked.method} as of {asked.as_of}")
    for group in GROUPS[named]:
        of = [(m, g) for m, g in zip(measures.values(), grades, strict=True) if group_of(named, g) == group]
        cells = ", ".join("".join(map(str, g)) for g, _ in Counter(g for _, g in of).most_common(SHOWN))
        print(f"{group:>20}  {found[group]:6,}  {cells}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

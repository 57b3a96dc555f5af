"""How often forecasts of goals would have been right: `python -m segmentation.goals.evaluate FILE`.

FILE is CSV, gzipped or not, as of `segmentation.churn.evaluate`. Each week of the second half of the file forecasts
are made of periods of four weeks and of 13, at a quarter, half and three quarters of each, from what was known then;
printed is how often the figure ended within the interval, which should be four of five, and how far off the value was.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np

from segmentation.goals.forecasting import WEEK, forecast
from segmentation.goals.measuring import Bought, Measured, bought_of, measure
from segmentation.lifetime_value.order_file import Unusable, read

LENGTHS, PARTS = (28, 91), (0.25, 0.5, 0.75)


class Judged(NamedTuple):
    """Of so many forecasts: the share that covered, the median error and half-width of the interval, in percent."""

    forecasts: int
    covered: float
    off: float
    wide: float


def evaluate(bought: Bought, kpi: Measured, length: int, part: float) -> Judged | None:
    """Forecasts made each week of the second half of what is known; None where there are none."""
    first, last = bought.began, int(bought.day.max()) + 1
    gone = round(length * part)
    covered, off, wide = list[bool](), list[float](), list[float]()
    counted: dict[tuple[int, int], float | None] = {}  # none of these periods had not ended when it was looked at
    for now in range(first + (last - first) // 2, last - length + gone + 1, WEEK):
        since = date.fromordinal(now - gone)
        until = since + timedelta(days=length)
        said = forecast(kpi, bought.between(0, now), since, until, date.fromordinal(now), counted)
        ended = measure(kpi, bought, now - gone, now - gone + length)
        if said is None or not ended:
            continue
        covered.append(said.low <= ended <= said.high)
        off.append(abs(said.value - ended) / ended * 100)
        wide.append((said.high - said.low) / 2 / ended * 100)
    if not covered:
        return None
    return Judged(len(covered), sum(covered) / len(covered), float(np.median(off)), float(np.median(wide)))


def main(given: Sequence[str] | None = None) -> int:
    """Print the figures; 2 where the file cannot be used."""
    parser = argparse.ArgumentParser("python -m segmentation.goals.evaluate", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--customer", default="customer")
    parser.add_argument("--date", default="date")
    parser.add_argument("--amount", default="amount")
    asked = parser.parse_args(given)
    try:
        days = read(asked.file, asked.customer, asked.date, asked.amount)
    except (OSError, UnicodeDecodeError, Unusable) as error:
        print(f"{asked.file}: {error}", file=sys.stderr)
        return 2
    rows = ((str(n), each.day, 1, each.net, of[0].day) for n, of in enumerate(days) for each in of)
    bought = bought_of(rows)
    if not len(bought.day):
        print(f"{asked.file}: there is no order in it", file=sys.stderr)
        return 2
    print("figure            days  gone  forecasts  covered  off by  interval")
    every: list[Judged] = []
    for kpi in get_args(Measured):
        for length in LENGTHS:
            for part in PARTS:
                if (found := evaluate(bought, kpi, length, part)) is not None:
                    every.append(found)
                    print(
                        f"{kpi:16}  {length:4}  {part:4.0%}  {found.forecasts:9}  {found.covered:7.0%}  "
                        f"{found.off:5.1f}%  ± {found.wide:.1f}%"
                    )
    count = sum(each.forecasts for each in every)
    if not count:
        print(f"{asked.file}: too short to forecast anything", file=sys.stderr)
        return 2
    print(f"{count:,} forecasts, {sum(each.covered * each.forecasts for each in every) / count:.1%} covered")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How well purchases could be told from a shop's own orders: `python -m segmentation.lifetime_value.evaluate FILE`.

FILE is CSV as of `segmentation.churn.evaluate`. The model of repeat buying is fitted to what was bought up to the day
`--until`, that day included, and compared with the days of buying of the `--horizon-days` after it. What was free
counts.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import get_args

from common.events.segments import RepeatModel
from segmentation.lifetime_value.order_file import Unusable, horizon_days, iso_day, name_columns, read
from segmentation.lifetime_value.repeat_buying import Buying, Repeating, at_least, fit
from segmentation.lifetime_value.rules import Day, bought

MOST = 7
"""Repeat purchases from which on customers are one row."""


@dataclass(frozen=True, slots=True)
class Told:
    """Parameters, the log-likelihood of all, and by repeat purchases (`MOST`: or more) of each customer the days of
    buying that were predicted and that there were."""

    parameters: Repeating
    log_likelihood: float
    by_repeats: dict[int, list[tuple[float, int]]]


def buying_until(days: Sequence[Day], until: date) -> Buying | None:
    """Repeat days of buying up to `until`, that day included, from the first to the last and to `until`; None: none."""
    known = bought(days, until + timedelta(days=1))
    return None if known is None else (known.x, known.last, known.age - 1)


def evaluate(customers: Sequence[Sequence[Day]], until: date, horizon: int, model: RepeatModel) -> Told:
    """Fit to everything up to `until`, and compare with the `horizon` days after it. Raises Unusable."""
    known = [(days, buying) for days in customers if (buying := buying_until(days, until)) is not None]
    if not any(x for _, (x, _, _) in known):
        raise Unusable(f"nobody of {len(known)} customers bought twice up to {until}: there is nothing to fit to")
    best = fit(Counter(buying for _, buying in known), model)
    parameters, last = Repeating(*best.parameters), until + timedelta(days=horizon)
    predicted: dict[Buying, float] = {}
    by_repeats: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for days, buying in known:
        if buying not in predicted:
            predicted[buying] = sum(at_least(model, parameters, buying, horizon))
        came = sum(until < each.day <= last for each in days)
        by_repeats[min(buying[0], MOST)].append((predicted[buying], came))
    return Told(parameters, best.value * len(known), dict(sorted(by_repeats.items())))


def main(given: Sequence[str] | None = None) -> int:
    """Print the figures; 2 where the file cannot be used."""
    parser = argparse.ArgumentParser("python -m segmentation.lifetime_value.evaluate", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--until", type=iso_day, required=True, help="the last day that is fitted to")
    parser.add_argument("--horizon-days", type=horizon_days, default=91)
    parser.add_argument("--model", choices=get_args(RepeatModel), default="bg_nbd")
    name_columns(parser)
    asked = parser.parse_args(given)
    try:
        days = read(asked.file, asked.customer, asked.date, asked.amount, asked.quantity, least=0)
        found = evaluate(days, asked.until, asked.horizon_days, asked.model)
    except (OSError, UnicodeDecodeError, Unusable) as error:
        print(f"{asked.file}: {error}", file=sys.stderr)
        return 2
    everybody = [each for of in found.by_repeats.values() for each in of]
    r, alpha, a, b = found.parameters
    print(f"{asked.model} of {len(everybody):,} customers up to {asked.until}, weeks")
    print(f"r {r:.3f}, alpha {alpha:.3f}, a {a:.3f}, b {b:.3f}; log-likelihood {found.log_likelihood:,.1f}")
    predicted, came = sum(p for p, _ in everybody), sum(n for _, n in everybody)
    print(f"days of buying in the {asked.horizon_days} days after: {predicted:,.0f} predicted, {came:,} there were")
    print("repeats  customers  predicted  were, each")
    for repeats, of in found.by_repeats.items():
        name = f"{repeats}{'+' if repeats == MOST else ''}"
        mean_predicted, mean = sum(p for p, _ in of) / len(of), sum(n for _, n in of) / len(of)
        print(f"{name:>7}  {len(of):9,}  {mean_predicted:9.2f}  {mean:10.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

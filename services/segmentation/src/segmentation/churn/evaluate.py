"""How well churn could be told from a shop's own orders: `python -m segmentation.churn.evaluate FILE --since DATE`.

FILE is CSV, gzipped or not, a row an order or a line of one: a customer, a date (ISO, what follows it is left out) and
an amount, in columns of any names; where `--quantity` names one, the amount is that of a piece. The model
is fitted to the customers of one horizon before `--since` and judged on those of `--since`: as it would have fared.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from segmentation.churn import logistic
from segmentation.churn.rules import judge as judge_rows
from segmentation.churn.rules import known_of, probability, scaled
from segmentation.churn.state import HeldOut, Tenth
from segmentation.lifetime_value.order_file import UNIT, Unusable, horizon_days, iso_day, name_columns, read
from segmentation.lifetime_value.rules import Day


def evaluate(days: Sequence[Sequence[Day]], since: date, horizon: int) -> tuple[HeldOut, tuple[Tenth, ...]]:
    """Fit to the `horizon` days before `since`, judge on as many from then on. Raises Unusable."""
    step = timedelta(days=horizon)
    before, after = known_of(days, since - step, since, UNIT), known_of(days, since, since + step, UNIT)
    for known, name in ((before, "fit to"), (after, "judge by")):
        if not 0 < sum(known.churned) < len(known.churned):
            raise Unusable(f"there is nobody to {name}: of {len(known.rows)} customers all did the same")
    means, spreads = logistic.spread(before.rows)
    weights = logistic.fit(logistic.scaled(before.rows, means, spreads), before.churned)
    return judge_rows([probability(weights, scaled(row, means, spreads)) for row in after.rows], after)


def main(given: Sequence[str] | None = None) -> int:
    """Print the figures; 1 where recency alone tells as much, 2 where the file cannot be used."""
    parser = argparse.ArgumentParser("python -m segmentation.churn.evaluate", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--since", type=iso_day, required=True, help="the day from which churn is counted")
    parser.add_argument("--horizon-days", type=horizon_days, default=91)
    name_columns(parser)
    asked = parser.parse_args(given)
    try:
        days = read(asked.file, asked.customer, asked.date, asked.amount, asked.quantity)
        found, tenths = evaluate(days, asked.since, asked.horizon_days)
    except (OSError, UnicodeDecodeError, Unusable) as error:
        print(f"{asked.file}: {error}", file=sys.stderr)
        return 2
    days_after = f"{found.rate:.1%} bought nothing in {asked.horizon_days} days"
    print(f"{found.customers:,} customers before {asked.since}; {days_after}")
    print(f"area under the curve: {found.auc:.3f}, by recency alone {found.recency_auc:.3f}")
    print(f"Brier score: {found.brier:.3f}, by the share of everybody {found.rate_brier:.3f}")
    print("tenth  customers  predicted  churned")
    for number, tenth in enumerate(tenths, start=1):
        print(f"{number:5}  {tenth.customers:9,}  {tenth.predicted:9.1%}  {tenth.churned:7.1%}")
    return 0 if found.auc > found.recency_auc else 1


if __name__ == "__main__":
    sys.exit(main())

"""P6: the lifetime value of a million customers, predicted at once, beside as many of them one after the other."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

import numpy as np

from bench import machine
from bench.figures import Figure, Result
from segmentation.lifetime_value.everybody import Buyers, predict_everybody
from segmentation.lifetime_value.order_value import Spending
from segmentation.lifetime_value.repeat_buying import Repeating
from segmentation.lifetime_value.rules import predict
from segmentation.lifetime_value.state import Bought, LifetimeFit
from segmentation.thresholds.state import ValueRules

ONE_BY_ONE = 300
FIT = LifetimeFit(
    month=date(2025, 3, 1),
    as_of=datetime(2025, 3, 1, tzinfo=UTC),
    model="mbg_nbd",
    status="fitted",
    repeating=Repeating(0.9, 6.0, 1.2, 3.0),
    spending=Spending(6.25, 3.74, 15.44),
    currency="CNY",
    horizon_days=365,
)


def measure(result: Result, seed: int, customers: int) -> None:
    """Customers of ten years, most of whom bought a few times; in this process, without a database."""
    draw = np.random.default_rng(seed)
    age = draw.integers(1, 3_650, customers)
    x = np.minimum(draw.geometric(0.35, customers) - 1, age)
    last = np.where(x > 0, draw.integers(1, age + 1), 0)
    buyers = Buyers(x, last, age, x + 1, (x + 1) * draw.integers(500, 20_000, customers))
    rules, load = ValueRules(), machine.load()
    began = time.monotonic()
    found = predict_everybody(FIT, buyers, rules)
    took = time.monotonic() - began
    if found.value is None or not np.isfinite(found.value).all():
        raise RuntimeError("a prediction is not a number")
    began = time.monotonic()
    for n in range(ONE_BY_ONE):
        predict(FIT, Bought(*(int(column[n]) for column in (x, last, age, x + 1, buyers.total))), 1.0, rules, 365)
    alone = (time.monotonic() - began) / ONE_BY_ONE
    most = 5_000.0 if customers >= 1_000_000 else None
    what = f"lifetime value of {customers:,} customers predicted"
    result.figures.append(Figure("P6", what, 1e3 * took, "ms", load, most=most))
    result.figures.append(Figure("P6", "one customer predicted alone", 1e6 * alone, "µs", machine.load()))

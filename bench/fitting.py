"""P6, its part of fits: BG/NBD of CDNOW's sample, beside the package `lifetimes` on the same customers."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from bench import machine
from bench.figures import Figure, Result
from segmentation.lifetime_value.repeat_buying import WEEK, Buying, fit, likelihood

RUNS = 7
APART = 1e-2
"""Of the log-likelihood of all customers: closer ones are the same."""
T = TypeVar("T")


def measure(result: Result) -> None:
    """Both fits, the least of seven runs of each; raises RuntimeError where ours is likelier by less than nothing."""
    # Here, as importing it takes a second, and what it warns of is its own.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes import BetaGeoFitter
        from lifetimes.datasets import load_cdnow_summary

        known = load_cdnow_summary()
        bought = [
            (int(x), round(WEEK * last), round(WEEK * age))
            for x, last, age in known[["frequency", "recency", "T"]].itertuples(index=False)
        ]
        columns = [np.array(column, dtype=float) for column in zip(*bought, strict=True)]
        x, last, age = columns[0], columns[1] / WEEK, columns[2] / WEEK
        load = machine.load()
        theirs, their_s = _least(lambda: BetaGeoFitter().fit(x, last, age))
        given = tuple(float(theirs.params_[name]) for name in ("r", "alpha", "a", "b"))
        # By its own formula; ours of its parameters must be the same.
        formula = -len(bought) * float(
            BetaGeoFitter._negative_log_likelihood(np.log(given), x, last, age, np.ones_like(x), 0.0)
        )
    ours, our_s = _least(lambda: fit(Counter(bought), "bg_nbd"))
    found, held = ours.value * len(bought), _of(bought, given)
    if abs(held - formula) > APART or found < formula - APART:
        raise RuntimeError(
            f"likelihoods differ: ours {found:.4f}, of lifetimes {formula:.4f}, by our formula {held:.4f}"
        )
    what = f"BG/NBD fitted to the {len(bought):,} customers of CDNOW's sample (baseline: lifetimes)"
    result.figures.append(Figure("P6", what, 1e3 * our_s, "ms", load, baseline=1e3 * their_s, most_of_baseline=1.0))
    shown = ", ".join(
        f"{name} {mine:.4f} ({their:.4f})"
        for name, mine, their in zip(("r", "alpha", "a", "b"), ours.parameters, given, strict=True)
    )
    result.notes.append(
        f"P6: log-likelihood of CDNOW's sample by BG/NBD {found:.4f}, by lifetimes {formula:.4f}; "
        f"ours (lifetimes'): {shown}."
    )


def _of(bought: list[Buying], parameters: tuple[float, ...]) -> float:
    return likelihood(Counter(bought), "bg_nbd")(parameters)[0] * len(bought)


def _least(work: Callable[[], T]) -> tuple[T, float]:
    took = []
    for _ in range(RUNS):
        began = time.perf_counter()
        found = work()
        took.append(time.perf_counter() - began)
    return found, min(took)

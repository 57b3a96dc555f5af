"""Predictions of many customers at once, the same as of each alone: a million in about a second.

Given that a customer is alive, what is still to come depends on the number of purchases and the age alone, of which a
shop has few pairs; the rest is a closed form over arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from common.events.segments import RepeatModel
from common.values.currency import minor_per_major
from segmentation.lifetime_value.horizon import YEAR, steps
from segmentation.lifetime_value.repeat_buying import WEEK, Repeating
from segmentation.lifetime_value.state import Bought, LifetimeFit
from segmentation.thresholds.state import ValueRules

Numbers = npt.NDArray[np.float64]
Days = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Buyers:
    """Arrays of the same length: repeat purchases, days of the last and of today since the first; days on which the
    shop's currency was spent, and how much of it in all, minor units."""

    x: Days
    last: Days
    age: Days
    own: Days
    total: Days


@dataclass(frozen=True, slots=True)
class Predicted:
    """`value` in minor units, None where values could not be fitted."""

    alive: Numbers
    purchases: Numbers
    value: Numbers | None


def buyers_of(customers: Sequence[Bought]) -> Buyers:
    return Buyers(*(np.array(column, dtype=np.int64) for column in zip(*customers, strict=True)))


def predict_everybody(fitted: LifetimeFit, buyers: Buyers, rules: ValueRules) -> Predicted:
    """Over the rules' horizon, trends aside, as `rules.predict` says of one; the fit has found how customers buy."""
    if fitted.repeating is None:
        raise ValueError(f"the fit of {fitted.month} has no model of repeat buying: {fitted.problems}")
    alive = alive_of(fitted.model, fitted.repeating, buyers)
    pairs, place = np.unique(np.column_stack((buyers.x, buyers.age)), axis=0, return_inverse=True)
    place = place.reshape(-1)
    discounted, before = np.zeros(len(pairs)), np.zeros(len(pairs))
    for began, end in steps(rules.horizon_days):
        until = still_to_come(fitted.model, fitted.repeating, pairs[:, 0], pairs[:, 1], end)
        discounted += (until - before) * (1 + rules.discount_percent / 100) ** -((began + end) / 2 / YEAR)
        before = until
    value = None
    if (spending := fitted.spending) is not None:
        unit = minor_per_major(fitted.currency)
        spent = np.where(buyers.total > 0, buyers.total, 0) / unit
        days = np.where((buyers.own > 0) & (buyers.total > 0), buyers.own, 0)
        spent = np.where(days > 0, spent, 0.0)
        each = spending.p * (spending.gamma + spent) / (spending.p * days + spending.q - 1)
        value = np.round(alive * discounted[place] * each * unit * rules.margin_percent / 100)
    return Predicted(alive, alive * before[place], value)


def alive_of(model: RepeatModel, given: Repeating, buyers: Buyers) -> Numbers:
    """The probabilities that customers have not left."""
    stayed = _survivals(model, buyers.x)
    apart = np.log((given.alpha + buyers.age / WEEK) / (given.alpha + buyers.last / WEEK))
    with np.errstate(divide="ignore"):
        odds = np.log(given.a / np.maximum(given.b + stayed - 1, 0)) + (given.r + buyers.x) * apart
    return np.where(stayed > 0, 1 / (1 + np.exp(np.minimum(odds, 700.0))), 1.0)


def still_to_come(model: RepeatModel, given: Repeating, x: Days, age: Days, days: int) -> Numbers:
    """Purchases expected in the `days` to come of who is alive; the sums of `repeat_buying.at_least`, side by side."""
    power, stayed = given.r + x, _survivals(model, x).astype(np.float64)
    now = given.alpha + age / WEEK
    rest = now / (now + days / WEEK)
    mean = power * (1 - rest) / rest
    found = np.zeros(len(x))
    # Of those of whom more purchases are likely; fewer at each step.
    left = np.arange(len(x))
    point, below, staying = power * np.log(rest), np.zeros(len(x)), np.ones(len(x))
    k = 0
    while len(left):
        likely = np.exp(point)
        below += likely
        reached = np.maximum(0.0, 1 - below)
        going = ~((k > mean) & ((likely < 1e-14) | (reached < 1e-12)))
        found[left[going]] += (staying * reached)[going]
        left, point, below, staying = left[going], point[going], below[going], staying[going]
        power, stayed, rest, mean = power[going], stayed[going], rest[going], mean[going]
        point += np.log((power + k) / (k + 1) * (1 - rest))
        staying *= (given.b + stayed + k) / (given.a + given.b + stayed + k)
        k += 1
    return found


def _survivals(model: RepeatModel, x: Days) -> Days:
    """After how many purchases a customer has stayed: by MBG/NBD the first one is among them."""
    return x + 1 if model == "mbg_nbd" else x

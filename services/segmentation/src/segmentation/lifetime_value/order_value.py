"""Gamma-Gamma (Fader and Hardie, 2013): what a customer spends on a day of buying, from what was spent so far.

It takes for granted that how much customers spend has nothing to do with how often they buy; the correlation of both
is told with each fit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import lgamma, log, sqrt
from typing import NamedTuple

from segmentation.lifetime_value.maximising import Gradient, Maximum, Objective, digamma, maximise

Spent = tuple[int, float]
"""Days on which was bought, and the mean spent on one of them, above 0, in units of the currency."""
NAMES = ("p", "q", "gamma")


class Spending(NamedTuple):
    """The parameters over a shop; `gamma` in units of the currency."""

    p: float
    q: float
    gamma: float


def fit(known: Sequence[Spent]) -> Maximum:
    """The parameters of the highest likelihood, in the order of `Spending`."""
    mean = sum(value for _, value in known) / len(known)
    return maximise(likelihood(known), (2.0, 3.0, mean))


def likelihood(known: Sequence[Spent]) -> Objective:
    """The mean log-likelihood a customer, and its slope by p, q and gamma."""
    by_days: dict[int, list[float]] = defaultdict(list)
    for days, value in known:
        by_days[days].append(value)
    logs = {days: sum(map(log, values)) for days, values in by_days.items()}

    def objective(parameters: Sequence[float]) -> tuple[float, Gradient]:
        p, q, gamma = parameters
        total, of_p, of_q, of_gamma = 0.0, 0.0, 0.0, 0.0
        for days, values in by_days.items():
            number, shape = len(values), p * days
            spread, near = 0.0, 0.0
            for value in values:
                wide = gamma + days * value
                spread += log(wide)
                near += 1 / wide
            both = digamma(shape + q)
            total += number * (lgamma(shape + q) - lgamma(shape) - lgamma(q) + q * log(gamma) + shape * log(days))
            total += (shape - 1) * logs[days] - (shape + q) * spread
            of_p += days * (number * (both - digamma(shape) + log(days)) + logs[days] - spread)
            of_q += number * (both - digamma(q) + log(gamma)) - spread
            of_gamma += number * q / gamma - (shape + q) * near
        return total / len(known), [each / len(known) for each in (of_p, of_q, of_gamma)]

    return objective


def expected(given: Spending, spent: Spent | None) -> float:
    """The mean that a customer spends a day of buying; `given.q` is above 1. None: nothing is known of the customer."""
    days, value = spent or (0, 0.0)
    return given.p * (given.gamma + days * value) / (given.p * days + given.q - 1)


def correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Pearson's, of days and means; None where one of them does not vary."""
    n = len(pairs)
    if n < 2:
        return None
    means = [sum(pair[i] for pair in pairs) / n for i in (0, 1)]
    spreads = [sum((pair[i] - means[i]) ** 2 for pair in pairs) for i in (0, 1)]
    if not all(spreads):
        return None
    return sum((a - means[0]) * (b - means[1]) for a, b in pairs) / sqrt(spreads[0] * spreads[1])

"""BG/NBD (Fader, Hardie and Lee, 2005) and MBG/NBD (Batislam, Denizel and Filiztekin, 2007): how long and how often.

While customers are alive they buy at a rate of their own, gamma-distributed over the shop (r, alpha); after each
repeat purchase they leave with a probability of their own, beta-distributed (a, b). By MBG/NBD they may leave after
their first purchase too; BG/NBD takes everybody who bought once for alive.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import exp, lgamma, log, log1p
from typing import NamedTuple

from common.events.segments import RepeatModel
from segmentation.lifetime_value.maximising import Gradient, Maximum, Objective, digamma, maximise

Buying = tuple[int, int, int]
"""Days bought on after the first, days from the first to the last of them, and from the first until now: x, t_x, T."""
WEEK = 7
NAMES = ("r", "alpha", "a", "b")


class Repeating(NamedTuple):
    """The parameters over a shop; `alpha` in weeks."""

    r: float
    alpha: float
    a: float
    b: float


def survivals(model: RepeatModel, x: int) -> int:
    """How often a customer with `x` repeat purchases who is alive has stayed: by MBG/NBD once more."""
    return x + 1 if model == "mbg_nbd" else x


def fit(counts: Mapping[Buying, int], model: RepeatModel) -> Maximum:
    """The parameters of the highest likelihood, in the order of `Repeating`, for customers counted by their buying."""
    customers = sum(counts.values())
    ages = sum(n * age for (_, _, age), n in counts.items()) / WEEK / customers
    bought = sum(n * x for (x, _, _), n in counts.items()) / customers
    # A shop whose customers buy as often as on average, a fifth of whom leave each time.
    start = (1.0, max(ages, 0.1) / max(bought, 0.01), 1.0, 4.0)
    return maximise(likelihood(counts, model), start)


def likelihood(counts: Mapping[Buying, int], model: RepeatModel) -> Objective:
    """The mean log-likelihood a customer, and its slope; one pass over the different buyings, sums by x."""
    customers = sum(counts.values())
    by_x: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for (x, last, age), n in counts.items():
        by_x[x].append((last, age, n))
    days = {day for _, last, age in counts for day in (last, age)}

    def objective(parameters: Sequence[float]) -> tuple[float, Gradient]:
        r, alpha, a, b = parameters
        logs = {day: log(alpha + day / WEEK) for day in days}
        total, of_r, of_alpha, of_a, of_b = 0.0, 0.0, 0.0, 0.0, 0.0
        for x, groups in by_x.items():
            stayed = survivals(model, x)
            could_leave = stayed > 0
            power, ratio = r + x, log(a / (b + stayed - 1)) if could_leave else 0.0
            number, values, grown, gone, shift, near = 0, 0.0, 0.0, 0.0, 0.0, 0.0
            for last, age, n in groups:
                until = logs[age]
                number += n
                grown += n * until
                inverse = exp(-until)
                near += n * inverse
                if could_leave:
                    apart = until - logs[last]
                    odds = ratio + power * apart
                    # log(1 + e^odds), and the share of those who have left.
                    values += n * (odds + log1p(exp(-odds)) if odds > 0 else log1p(exp(odds)))
                    left = n / (1 + exp(-odds)) if odds > -700 else 0.0
                    gone += left
                    shift += left * apart
                    near += left * (exp(-logs[last]) - inverse)
            total += values - power * grown + number * (
                lgamma(power) - lgamma(r) + r * log(alpha)
                + lgamma(a + b) + lgamma(b + stayed) - lgamma(b) - lgamma(a + b + stayed)
            )  # fmt: skip
            all_of = digamma(a + b) - digamma(a + b + stayed)
            of_r += number * (digamma(power) - digamma(r) + log(alpha)) - grown + shift
            of_alpha += number * r / alpha - power * near
            of_a += number * all_of + gone / a
            of_b += number * (all_of + digamma(b + stayed) - digamma(b))
            if could_leave:
                of_b -= gone / (b + stayed - 1)
        return total / customers, [each / customers for each in (of_r, of_alpha, of_a, of_b)]

    return objective


def alive(model: RepeatModel, given: Repeating, buying: Buying) -> float:
    """The probability that a customer has not left."""
    x, last, age = buying
    stayed = survivals(model, x)
    if not stayed:
        return 1.0
    apart = log((given.alpha + age / WEEK) / (given.alpha + last / WEEK))
    odds = log(given.a / (given.b + stayed - 1)) + (given.r + x) * apart
    return 1 / (1 + exp(odds)) if odds < 700 else 0.0


def at_least(model: RepeatModel, given: Repeating, buying: Buying, days: int) -> list[float]:
    """The probabilities of 1, 2, 3 … purchases or more in the `days` to come, down to where they vanish.

    Exact: of a customer who is alive, the rate is gamma-distributed and the probability of leaving beta-distributed,
    independently; the purchases are then negative binomial, and the k-th needs k - 1 more stays.
    """
    x, _, age = buying
    power, stayed = given.r + x, survivals(model, x)
    now = given.alpha + age / WEEK
    rest = now / (now + days / WEEK)
    probability, staying = alive(model, given, buying), 1.0
    point, below, found = power * log(rest), 0.0, list[float]()
    mean = power * (1 - rest) / rest
    while True:
        likely = exp(point)
        below += likely
        k = len(found)
        reached = max(0.0, 1 - below)
        # Beyond the mean each number is less likely than the one before; sums alone never end, as they are rounded.
        if k > mean and (likely < 1e-14 or reached < 1e-12):
            return found
        found.append(probability * staying * reached)
        point += log((power + k) / (k + 1) * (1 - rest))
        staying *= (given.b + stayed + k) / (given.a + given.b + stayed + k)

"""Fits of a shop, checked for degenerate ones, and what they say of one customer (SEG-025, SEG-029)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from common.events.segments import Confidence, FitStatus
from common.values.currency import minor_per_major
from common.values.plurals import counted
from segmentation.lifetime_value import order_value, repeat_buying
from segmentation.lifetime_value.everybody import buyers_of, predict_everybody
from segmentation.lifetime_value.horizon import YEAR, steps
from segmentation.lifetime_value.maximising import Maximum
from segmentation.lifetime_value.order_value import Spending
from segmentation.lifetime_value.repeat_buying import Repeating
from segmentation.lifetime_value.state import Bought, LifetimeFit
from segmentation.thresholds.state import ValueRules

GRADED = 2_000
"""Grades need no more customers than that: a fifth's border is then off by some hundredths of the ranks."""
TREND_WEIGHT = 4
"""So many days of buying at an even amount are added to a customer's own, so that two orders are no trend yet."""
LOWEST_TREND, HIGHEST_TREND = 0.5, 2.0
TYPICAL_CORRELATION = 0.4
"""Beyond that Gamma-Gamma should not be used (Fader and Hardie take 0.06 for small enough)."""
HIGH_CONFIDENCE = 300


class Day(NamedTuple):
    """A day of a customer: whether anything was bought on it, and in the currency; its net amount, minor units."""

    day: date
    buying: bool
    own: bool
    net: int


def bought(days: Sequence[Day], until: date) -> Bought | None:
    """What was bought on these days, oldest first, as it stands at the beginning of `until`; None: nothing."""
    past = [each for each in days if each.day < until]
    buying = [each.day for each in past if each.buying]
    if not buying:
        return None
    total = max(0, sum(each.net for each in past))
    own = sum(each.own for each in past)
    return Bought(len(buying) - 1, (buying[-1] - buying[0]).days, (until - buying[0]).days, own, total)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a customer will do in `horizon_days`, by the shop's fit.

    `alive`: the probability that the customer has not left; `purchases`: days of buying expected, between `low` and
    `high` with a probability of 80 percent or more; `next_purchase`: the probability of one or more.
    `order_value`: spent on one of them, `trend` included, and `value`: discounted, of all of them, with the `value_low`
    and `value_high` of as many purchases; minor units, None where values could not be fitted.
    """

    horizon_days: int
    alive: float
    purchases: float
    low: int
    high: int
    next_purchase: float
    trend: float
    order_value: int | None
    value: int | None
    value_low: int | None
    value_high: int | None
    grade: int | None
    confidence: Confidence


def fit(
    sample: Sequence[Bought],
    month: date,
    as_of: datetime,
    rules: ValueRules,
    currency: str,
    buyers: int,
    repeat_buyers: int,
) -> LifetimeFit:
    """The models of a shop from a sample of its `buyers`, of whom so many bought on two days or more."""
    if buyers < rules.buyers_needed or repeat_buyers < rules.repeat_needed:
        few = (
            f"{buyers} buyers, {repeat_buyers} of whom bought on two days or more: "
            f"{rules.buyers_needed} and {rules.repeat_needed} are needed"
        )
        return LifetimeFit(
            month=month, as_of=as_of, model=rules.model, status="too_few", problems=(few,), buyers=buyers,
            repeat_buyers=repeat_buyers, sampled=len(sample), currency=currency, horizon_days=rules.horizon_days,
        )  # fmt: skip
    counts = Counter(each.buying for each in sample)
    best = repeat_buying.fit(counts, rules.model)
    unit = minor_per_major(currency)
    known = [spent for each in sample if (spent := each.spent(unit)) is not None]
    spending, amiss = _spending(known, rules)
    problems = [*_degenerate(best), *amiss]
    status: FitStatus = "degenerate" if problems else "fitted"
    found = LifetimeFit(
        month=month,
        as_of=as_of,
        model=rules.model,
        status=status,
        problems=tuple(problems),
        buyers=buyers,
        repeat_buyers=repeat_buyers,
        sampled=len(sample),
        repeating=Repeating(*best.parameters),
        log_likelihood=best.value * len(sample),
        currency=currency,
        spending=spending,
        correlation=order_value.correlation([(float(days), value) for days, value in known]),
        horizon_days=rules.horizon_days,
    )
    return found.model_copy(update={"grades": _grades(found, sample[:: max(1, len(sample) // GRADED)], rules)})


def _degenerate(best: Maximum) -> list[str]:
    """Why the fit of repeat buying describes no shop whose customers differ; nothing where it does."""
    if best.far:
        names = ", ".join(repeat_buying.NAMES[place] for place in best.far)
        return [f"repeat buying: the likelihood rises for ever with {names}, so customers hardly differ in it"]
    if not best.found:
        return ["repeat buying: no parameters were found at which the likelihood is highest"]
    return []


def _spending(known: Sequence[order_value.Spent], rules: ValueRules) -> tuple[Spending | None, list[str]]:
    """The parameters where they are of use, and what is amiss."""
    if len(known) < rules.repeat_needed:
        return None, [f"order values: {len(known)} buyers spent the shop's currency, {rules.repeat_needed} are needed"]
    if len({value for _, value in known}) == 1:
        return None, ["order values: all buyers spend the same, so there is nothing to tell them apart by"]
    best = order_value.fit(known)
    found = Spending(*best.parameters)
    if found.q <= 1:
        return None, [f"order values: q is {found.q:.3g}, at most 1, so they have no mean"]
    if best.far or not best.found:
        return found, ["order values: the likelihood rises for ever, so customers hardly differ in them"]
    related = order_value.correlation([(float(days), value) for days, value in known])
    if related is not None and abs(related) > TYPICAL_CORRELATION:
        return found, [f"order values: they go with the number of orders (correlation {related:.2f}); they should not"]
    return found, []


def _grades(fitted: LifetimeFit, some: Sequence[Bought], rules: ValueRules) -> tuple[int, ...]:
    """The values that each fifth of the customers but the highest ends with."""
    if fitted.repeating is None or not some:
        return ()
    found = predict_everybody(fitted, buyers_of(some), rules).value
    values = sorted(int(value) for value in found) if found is not None else []
    return tuple(values[len(values) * fifth // 5 - 1] for fifth in range(1, 5)) if len(values) >= 5 else ()


def predict(fitted: LifetimeFit, bought: Bought, trend: float, rules: ValueRules, horizon_days: int) -> Prediction:
    """What the fit says of a customer; the fit has found how customers buy."""
    if fitted.repeating is None:
        raise ValueError(f"the fit of {fitted.month} has no model of repeat buying: {fitted.problems}")
    chances = repeat_buying.at_least(fitted.model, fitted.repeating, bought.buying, horizon_days)
    low, high = within(chances)
    over = rules.model_copy(update={"horizon_days": horizon_days})
    each, value = worth(fitted, bought, trend), value_of(fitted, bought, trend, over)
    purchases = sum(chances)
    graded = value if horizon_days == fitted.horizon_days else value_of(fitted, bought, trend, rules)
    unit = minor_per_major(fitted.currency)
    # As if the purchases came when the expected ones do.
    one = value / purchases if value is not None and purchases > 0 else 0.0
    return Prediction(
        horizon_days=horizon_days,
        alive=repeat_buying.alive(fitted.model, fitted.repeating, bought.buying),
        purchases=purchases,
        low=low,
        high=high,
        next_purchase=chances[0] if chances else 0.0,
        trend=trend,
        order_value=None if each is None else round(each * unit),
        value=value,
        value_low=None if value is None else round(one * low),
        value_high=None if value is None else round(one * high),
        grade=grade(fitted, graded),
        confidence=confidence(fitted, bought),
    )


def worth(fitted: LifetimeFit, bought: Bought, trend: float) -> float | None:
    """What the customer will spend on a day of buying, in units of the currency."""
    if fitted.spending is None:
        return None
    return trend * order_value.expected(fitted.spending, bought.spent(minor_per_major(fitted.currency)))


def value_of(fitted: LifetimeFit, bought: Bought, trend: float, rules: ValueRules) -> int | None:
    """Lifetime value over the rules' horizon in minor units: margin of all purchases to come, discounted."""
    each = worth(fitted, bought, trend)
    if each is None or fitted.repeating is None:
        return None
    total, before = 0.0, 0.0
    for began, end in steps(rules.horizon_days):
        until = sum(repeat_buying.at_least(fitted.model, fitted.repeating, bought.buying, end))
        total += (until - before) * (1 + rules.discount_percent / 100) ** -((began + end) / 2 / YEAR)
        before = until
    return round(total * each * minor_per_major(fitted.currency) * rules.margin_percent / 100)


def within(chances: Sequence[float], outside: float = 0.1) -> tuple[int, int]:
    """The fewest and the most purchases, either of which is passed with a probability of at most `outside`.

    `chances`: of 1, 2, 3 … purchases or more.
    """
    low = sum(chance >= 1 - outside for chance in chances)
    high = sum(chance > outside for chance in chances)
    return low, high


def trend_of(amounts: Sequence[int]) -> float:
    """How much more the customer spends lately than on average, from the net amounts of days of buying, oldest first.

    The mean with weights 1, 2, 3 … by the plain one, drawn to 1 by `TREND_WEIGHT` days, between a half and two: of the
    same total a rising customer is worth more than a falling one (SEG-025).
    """
    count, total = len(amounts), sum(amounts)
    if count < 2 or total <= 0:
        return 1.0
    weighted = sum(place * amount for place, amount in enumerate(amounts, start=1)) * 2 / (count + 1)
    own = max(LOWEST_TREND, min(HIGHEST_TREND, weighted / total))
    return (count * own + TREND_WEIGHT) / (count + TREND_WEIGHT)


def grade(fitted: LifetimeFit, value: int | None) -> int | None:
    """From 1, the lowest fifth of the shop's buyers, to 5; None where there are no grades."""
    if value is None or not fitted.grades:
        return None
    return 1 + sum(value > border for border in fitted.grades)


def confidence(fitted: LifetimeFit, bought: Bought) -> Confidence:
    """How much stands behind it: low of a degenerate fit, high of many repeat buyers and of a customer who is one."""
    if fitted.status != "fitted":
        return "low"
    return "high" if fitted.repeat_buyers >= HIGH_CONFIDENCE and bought.x > 0 else "medium"


def why(fitted: LifetimeFit, bought: Bought) -> str:
    """What the prediction rests on, in a sentence for the shop's people."""
    name = "MBG/NBD" if fitted.model == "mbg_nbd" else "BG/NBD"
    days = bought.x + 1
    return (
        f"{name} and Gamma-Gamma, fitted as of {fitted.month} to {fitted.sampled} of {fitted.buyers} buyers; the "
        f"customer bought on {counted(days, 'day')}, the last {counted(bought.age - bought.last, 'day')} ago"
    )


def missing(fitted: LifetimeFit) -> str:
    """Why there is no prediction of a customer."""
    if fitted.repeating is None:
        return f"no model was fitted as of {fitted.month}: {'; '.join(fitted.problems)}"
    return "nothing was bought yet that counts"

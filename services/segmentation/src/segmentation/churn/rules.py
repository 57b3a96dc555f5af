"""Models of churn of a shop, judged on customers held out, and what they say of one customer (SEG-015)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from common.events.segments import Confidence
from segmentation.churn import logistic
from segmentation.churn.features import NAMES, REASONS, came_again, features
from segmentation.churn.state import ChurnFit, HeldOut, Tenth
from segmentation.lifetime_value.rules import Day
from segmentation.thresholds.state import ChurnModelRules

FOLDS = 5
"""Every customer is judged by a model fitted to four fifths of the others."""
HIGH_CONFIDENCE = 1_000
MOST = 10_000
"""More customers would make the weights no better to speak of, and the fit take longer than some seconds."""
_RECENCY = NAMES.index("recency")


@dataclass(frozen=True, slots=True)
class Prediction:
    """`probability` of buying nothing in `horizon_days`; `shop_rate`: the share of all the shop's buyers.

    `why`: what speaks most for it and against it, strongest first.
    """

    horizon_days: int
    probability: float
    shop_rate: float
    confidence: Confidence
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """Customers as they stood at an instant, and who of them bought nothing in the time after it."""

    rows: Sequence[tuple[float, ...]]
    churned: Sequence[bool]


def known_of(sample: Sequence[Sequence[Day]], since: date, until: date, unit: int) -> Known:
    """Those who had bought before `since`, and whether they bought nothing from then on and before `until`."""
    rows, churned = list[tuple[float, ...]](), list[bool]()
    for days in sample:
        row = features(days, since, unit)
        if row is not None:
            rows.append(row)
            churned.append(not came_again(days, since, until))
    return Known(rows, churned)


def fit(sample: Sequence[Sequence[Day]], month: date, as_of: datetime, rules: ChurnModelRules, unit: int) -> ChurnFit:
    """The model by the days of sampled buyers; `unit`: minor units of one of the currency."""
    some = sample[:: -(-len(sample) // MOST) or 1]
    known = known_of(some, month - timedelta(days=rules.horizon_days), month, unit)
    buyers, churned = len(known.rows), sum(known.churned)
    begun = ChurnFit(
        month=month, as_of=as_of, horizon_days=rules.horizon_days, status="too_few", buyers=buyers, churned=churned
    )
    if buyers < rules.buyers_needed or min(churned, buyers - churned) < rules.each_needed:
        few = (
            f"{buyers} customers bought before the last {rules.horizon_days} days, {churned} of whom bought nothing in "
            f"them: {rules.buyers_needed} are needed, and {rules.each_needed} of each"
        )
        return begun.model_copy(update={"problems": (few,)})
    means, spreads = logistic.spread(known.rows)
    weights = logistic.fit(logistic.scaled(known.rows, means, spreads), known.churned)
    held_out, calibration = judge(crossed(known, weights), known)
    problems = []
    if held_out.auc <= held_out.recency_auc:
        problems.append(f"the days since the last purchase alone tell as much (auc {held_out.recency_auc:.3f})")
    if held_out.brier >= held_out.rate_brier:
        problems.append("the share of everybody is as good a guess")
    return begun.model_copy(
        update={
            "status": "degenerate" if problems else "fitted",
            "problems": tuple(problems),
            "weights": weights,
            "means": means,
            "spreads": spreads,
            "held_out": held_out,
            "calibration": calibration,
        }
    )


def crossed(known: Known, near: Sequence[float] | None = None) -> list[float]:
    """Each customer's probability by a model that was fitted without the customer; `near`: where to look for it."""
    found = [0.0] * len(known.rows)
    for fold in range(FOLDS):
        others = [place for place in range(len(found)) if place % FOLDS != fold]
        rows = [known.rows[place] for place in others]
        means, spreads = logistic.spread(rows)
        happened = [known.churned[place] for place in others]
        weights = logistic.fit(logistic.scaled(rows, means, spreads), happened, near)
        for place in range(fold, len(found), FOLDS):
            found[place] = probability(weights, scaled(known.rows[place], means, spreads))
    return found


def judge(probabilities: Sequence[float], known: Known) -> tuple[HeldOut, tuple[Tenth, ...]]:
    """How well probabilities told who would churn, and in which tenths they were too high or too low."""
    count, churned = len(known.churned), known.churned
    rate = sum(churned) / count
    held_out = HeldOut(
        customers=count,
        rate=rate,
        auc=logistic.auc(probabilities, churned),
        recency_auc=logistic.auc([row[_RECENCY] for row in known.rows], churned),
        brier=logistic.brier(probabilities, churned),
        rate_brier=rate * (1 - rate),
    )
    ordered = sorted(zip(probabilities, churned, strict=True))
    parts = [ordered[count * tenth // 10 : count * (tenth + 1) // 10] for tenth in range(10)]
    return held_out, tuple(
        Tenth(len(part), sum(p for p, _ in part) / len(part), sum(c for _, c in part) / len(part))
        for part in parts
        if part
    )


def predict(fitted: ChurnFit, days: Sequence[Day], today: date, unit: int) -> Prediction | None:
    """What the model says of a customer; None where there is no model, or nothing was bought before today."""
    row = features(days, today, unit)
    if row is None or fitted.weights is None:
        return None
    values = scaled(row, fitted.means, fitted.spreads)
    enough: Confidence = "high" if fitted.buyers >= HIGH_CONFIDENCE else "medium"
    return Prediction(
        horizon_days=fitted.horizon_days,
        probability=probability(fitted.weights, values),
        shop_rate=fitted.churned / fitted.buyers,
        confidence=enough if fitted.status == "fitted" else "low",
        why=reasons(fitted.weights, values),
    )


def scaled(row: Sequence[float], means: Sequence[float], spreads: Sequence[float]) -> tuple[float, ...]:
    """Each feature less its mean and by its spread."""
    return tuple((value - mean) / spread for value, mean, spread in zip(row, means, spreads, strict=True))


def probability(weights: Sequence[float], values: Sequence[float]) -> float:
    """By the logistic model; `weights` begin with the constant."""
    return logistic.sigmoid(weights[0] + sum(w * v for w, v in zip(weights[1:], values, strict=True)))


def reasons(weights: Sequence[float], values: Sequence[float], most: int = 3) -> tuple[str, ...]:
    """What moves the customer's odds most from those of the average one, with its direction, strongest first."""
    moved = sorted(zip(NAMES, (w * v for w, v in zip(weights[1:], values, strict=True)), strict=True),
                   key=lambda each: -abs(each[1]))  # fmt: skip
    return tuple(
        f"{REASONS[name][by > 0]} ({'raises' if by > 0 else 'lowers'} it)"
        for name, by in moved[:most]
        if abs(by) > 0.05
    )

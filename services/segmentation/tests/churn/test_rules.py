"""The model of churn: what it is made of, how it is judged, and what it says of a customer."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from math import exp, log1p

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.churn import logistic, rules
from segmentation.churn.features import came_again, features
from segmentation.churn.state import ChurnFit
from segmentation.lifetime_value.rules import Day
from segmentation.thresholds.state import ChurnModelRules

MONTH, AS_OF = date(2025, 6, 1), datetime(2025, 5, 31, 16, tzinfo=UTC)
SCORES = st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=60)


def days(*gone: int, net: int = 5_000) -> list[Day]:
    """Days of buying so many days before the month, the furthest first."""
    return [Day(MONTH - timedelta(days=each), True, True, net) for each in sorted(gone, reverse=True)]


def some_customers(count: int = 900, seed: int = 5) -> list[list[Day]]:
    """Customers who buy at gaps of their own until they leave; the long silent ones mostly have left."""
    draw, made = random.Random(seed), list[list[Day]]()
    for _ in range(count):
        at, gap, found = float(draw.randrange(120, 400)), draw.choice([10, 25, 60]), list[int]()
        while at >= 1:
            found.append(int(at))
            if draw.random() < 0.15:
                break
            at -= 1 + draw.expovariate(1 / gap)
        made.append(days(*set(found)))
    return made


def fitted(count: int = 900, given_: ChurnModelRules | None = None) -> ChurnFit:
    return rules.fit(some_customers(count), MONTH, AS_OF, given_ or ChurnModelRules(), 100)


def test_features_are_of_what_had_happened_by_then() -> None:
    known = days(200, 100, 40, 3)
    found = features(known, MONTH - timedelta(days=30), 100)
    assert found == pytest.approx((log1p(10), log1p(2), log1p(170), log1p(50), 10 / 80, 0))
    assert features(known, MONTH - timedelta(days=200), 100) is None
    assert features(days(9), MONTH, 100) == pytest.approx((log1p(9), 0, log1p(9), log1p(50), 0, 1))
    assert came_again(known, MONTH - timedelta(days=30), MONTH)
    assert not came_again(known, MONTH - timedelta(days=39), MONTH - timedelta(days=3))


@given(SCORES)
def test_the_auc_is_the_share_of_pairs_in_the_right_order(drawn: list[tuple[int, bool]]) -> None:
    scores, happened = [float(score) for score, _ in drawn], [known for _, known in drawn]
    pairs = [(a > b) + (a == b) / 2 for a, x in drawn for b, y in drawn if x and not y]
    assert logistic.auc(scores, happened) == pytest.approx(sum(pairs) / len(pairs) if pairs else 0.5)


@given(st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2), st.booleans()), min_size=3, max_size=40))
def test_at_the_weights_the_penalised_likelihood_has_no_slope(drawn: list[tuple[float, float, bool]]) -> None:
    rows, happened = [(a, b) for a, b, _ in drawn], [known for *_, known in drawn]
    if len(set(happened)) == 1:
        return  # the constant runs away; a shop like that is not fitted
    weights = logistic.fit(rows, happened)
    off = [known - rules.probability(weights, row) for row, known in zip(rows, happened, strict=True)]
    assert sum(off) == pytest.approx(0, abs=1e-6)
    for place in (0, 1):
        pull = sum(each * row[place] for each, row in zip(off, rows, strict=True))
        assert pull == pytest.approx(logistic.RIDGE * weights[place + 1], abs=1e-6)


def test_a_model_beats_recency_and_is_calibrated_on_customers_it_has_not_seen() -> None:
    found = fitted()
    assert (found.status, found.problems) == ("fitted", ())
    assert found.held_out is not None
    assert found.held_out.auc > found.held_out.recency_auc
    assert found.held_out.brier < found.held_out.rate_brier
    assert sum(each.customers for each in found.calibration) == found.buyers
    assert [each.predicted for each in found.calibration] == sorted(each.predicted for each in found.calibration)
    for tenth in found.calibration:
        assert tenth.churned == pytest.approx(tenth.predicted, abs=0.2)


def test_nobody_is_judged_by_a_model_that_has_seen_him() -> None:
    """Where labels are drawn by lot no model can tell them, and held-out figures say so."""
    draw = random.Random(1)
    known = rules.Known(
        [tuple(draw.gauss(0, 1) for _ in range(6)) for _ in range(600)], [draw.random() < 0.5 for _ in range(600)]
    )
    held_out, _ = rules.judge(rules.crossed(known), known)
    assert held_out.auc == pytest.approx(0.5, abs=0.07)
    assert held_out.brier >= held_out.rate_brier - 0.005


def test_too_few_customers_make_no_model_and_say_what_is_needed() -> None:
    found = fitted(150)
    assert (found.status, found.weights, found.held_out) == ("too_few", None, None)
    assert "200 are needed" in found.problems[0]
    assert rules.predict(found, days(9), MONTH, 100) is None


def test_a_model_no_better_than_recency_is_told_and_trusted_little() -> None:
    """Everybody bought twice at one gap for one amount, and comes again by recency alone."""
    draw, sample = random.Random(3), list[list[Day]]()
    for number in range(400):
        silence = 95 + number % 90
        again = [draw.randrange(1, 90)] if draw.random() < exp(-(silence - 90) / 40) else []
        sample.append(days(silence + 20, silence, *again))
    found = rules.fit(sample, MONTH, AS_OF, ChurnModelRules(), 100)
    assert found.status == "degenerate"
    assert "alone tell as much" in found.problems[0]
    said = rules.predict(found, sample[0], MONTH, 100)
    assert said is not None
    assert said.confidence == "low"


def test_a_prediction_says_what_moves_it() -> None:
    found = fitted()
    regular, gone = days(*range(5, 200, 10)), days(390, 380, 370)
    stays, leaves = (rules.predict(found, each, MONTH, 100) for each in (regular, gone))
    assert stays is not None
    assert leaves is not None
    assert stays.probability < found.churned / found.buyers < leaves.probability
    assert any("lowers it" in each for each in stays.why)
    assert any("raises it" in each for each in leaves.why)
    assert rules.predict(found, days(0), MONTH, 100) is None, "nothing was bought before today"

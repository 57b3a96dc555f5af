"""Fits of a shop with what is amiss in them, and predictions of a customer (SEG-025)."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events.segments import RepeatModel
from segmentation.lifetime_value import horizon, rules
from segmentation.lifetime_value.everybody import buyers_of, predict_everybody
from segmentation.lifetime_value.repeat_buying import at_least
from segmentation.lifetime_value.state import Bought, LifetimeFit
from segmentation.thresholds.state import ValueRules

from .simulated import some_buyers

MONTH, AS_OF = date(2025, 3, 1), datetime(2025, 2, 28, 16, tzinfo=UTC)
AMOUNTS = st.lists(st.integers(0, 90_000), min_size=2, max_size=12)


def fitted(sample: list[Bought], given_: ValueRules | None = None) -> LifetimeFit:
    repeat = sum(each.x > 0 for each in sample)
    return rules.fit(sample, MONTH, AS_OF, given_ or ValueRules(), "CNY", len(sample), repeat)


def test_a_shop_with_few_buyers_has_no_model_and_says_what_is_needed() -> None:
    found = fitted(some_buyers(99))
    assert (found.status, found.repeating, found.spending, found.grades) == ("too_few", None, None, ())
    assert "99 buyers" in found.problems[0]
    assert "100 and 30 are needed" in rules.missing(found)


def test_a_shop_with_enough_buyers_is_fitted_and_graded() -> None:
    found = fitted(some_buyers())
    assert (found.status, found.problems) == ("fitted", ())
    assert len(found.grades) == 4
    assert list(found.grades) == sorted(found.grades)
    assert found.number == (12 * 2025 + 2) * 100, "the first edition of the month"


@pytest.mark.parametrize(
    ("name", "sample", "problem"),
    [
        ("all buy alike", [Bought(12, 350, 360, 13, 13_000 + n) for n in range(300)], "rises for ever"),
        ("all spend the same", [each._replace(total=each.days * 5_000) for each in some_buyers()], "all buyers spend"),
        ("nobody spends the currency", [each._replace(days=0, total=0) for each in some_buyers()], "30 are needed"),
        (
            "who buys often spends more",
            [each._replace(total=each.total + each.days * 4_000 * each.x) for each in some_buyers()],
            "correlation",
        ),
    ],
)  # fmt: skip
def test_degenerate_fits_are_found_and_told(name: str, sample: list[Bought], problem: str) -> None:
    found = fitted(sample)
    assert found.status == "degenerate", name
    assert problem in " ".join(found.problems), found.problems
    said = rules.predict(found, sample[0], 1.0, ValueRules(), 365)
    assert said.confidence == "low"
    assert 0 <= said.alive <= 1
    assert (said.value is None) == (found.spending is None)


def test_a_fit_is_the_same_whatever_order_the_sample_comes_in() -> None:
    sample = some_buyers()
    one, other = fitted(sample), fitted(sample[::-1])
    assert one.repeating == pytest.approx(other.repeating, rel=1e-5)
    assert one.spending == pytest.approx(other.spending, rel=1e-5)


def test_seg_025_a_rising_customer_is_worth_more_than_a_falling_one_of_the_same_total() -> None:
    found, bought = fitted(some_buyers()), Bought(4, 200, 220, 5, 50_000)
    rising, falling = [5_000, 7_000, 10_000, 13_000, 15_000], [15_000, 13_000, 10_000, 7_000, 5_000]
    values = [
        rules.predict(found, bought, rules.trend_of(amounts), ValueRules(), 365).value
        for amounts in (rising, [10_000] * 5, falling)
    ]
    assert all(value is not None for value in values)
    assert values[0] > values[1] > values[2]  # type: ignore[operator]


@given(AMOUNTS)
def test_a_trend_is_bounded_and_turns_with_the_amounts(amounts: list[int]) -> None:
    found = rules.trend_of(amounts)
    assert 0.5 <= found <= 2
    assert rules.trend_of([sum(amounts)] * len(amounts)) == 1
    assert rules.trend_of(sorted(amounts)) >= 1 >= rules.trend_of(sorted(amounts, reverse=True))


def test_one_purchase_is_no_trend() -> None:
    assert rules.trend_of([9_000]) == 1
    assert rules.trend_of([]) == 1


@pytest.mark.parametrize(
    ("chances", "expected"),
    [([], (0, 0)), ([0.05], (0, 0)), ([0.95, 0.5, 0.2, 0.05], (1, 3)), ([1.0, 1.0, 0.9, 0.1], (3, 3))],
)
def test_an_interval_leaves_out_a_tenth_on_each_side(chances: list[float], expected: tuple[int, int]) -> None:
    assert rules.within(chances) == expected


def test_a_prediction_grows_with_its_horizon_and_falls_with_silence_and_discount() -> None:
    found, bought = fitted(some_buyers()), Bought(4, 200, 220, 5, 50_000)
    near, far = (rules.predict(found, bought, 1.0, ValueRules(), days) for days in (90, 730))
    assert near.purchases < far.purchases
    assert near.value is not None
    assert far.value is not None
    assert near.value < far.value
    assert near.low <= near.purchases <= near.high + 1
    silent = rules.predict(found, bought._replace(age=500), 1.0, ValueRules(), 90)
    assert silent.alive < near.alive
    assert silent.purchases < near.purchases
    cheap = rules.predict(found, bought, 1.0, ValueRules(discount_percent=50, margin_percent=20), 730)
    assert cheap.value is not None
    assert cheap.value < 0.2 * far.value
    assert near.grade == far.grade, "grades are of the shop's horizon, whatever is asked for"


def test_confidence_needs_repeat_buyers_and_a_customer_who_is_one() -> None:
    found = fitted(some_buyers(800))
    assert found.repeat_buyers >= rules.HIGH_CONFIDENCE
    assert rules.confidence(found, Bought(1, 9, 20, 2, 100)) == "high"
    assert rules.confidence(found, Bought(0, 0, 20, 1, 100)) == "medium"
    assert rules.confidence(fitted(some_buyers(200)), Bought(1, 9, 20, 2, 100)) == "medium"


def test_a_long_horizon_is_summed_in_few_steps_and_comes_to_the_same() -> None:
    """Ten years of who bought on a thousand days: each step costs a sum as long as the purchases expected."""
    found, ten_years = fitted(some_buyers()), ValueRules(horizon_days=3_650, discount_percent=10)
    bought = Bought(1_000, 3_000, 3_001, 1_001, 5_000_000)
    assert found.repeating is not None
    assert len(horizon.steps(365)) == 13
    assert len(horizon.steps(3_650)) == 24
    assert horizon.steps(3_650)[-1][1] == 3_650
    sums = {}
    for most in (horizon.MOST_STEPS, 1_000):
        total, before = 0.0, 0.0
        for began, end in horizon.steps(3_650, most):
            until = sum(at_least(found.model, found.repeating, bought.buying, end))
            total += (until - before) * 1.1 ** -((began + end) / 2 / 365)
            before = until
        sums[most] = total
    assert abs(sums[24] - sums[1_000]) < sums[1_000] / 1_000
    assert rules.value_of(found, bought, 1.0, ten_years) is not None


@pytest.mark.parametrize("model", ["bg_nbd", "mbg_nbd"])
@pytest.mark.parametrize("days", [30, 365, 1_000])
def test_everybody_at_once_is_predicted_as_each_alone(model: RepeatModel, days: int) -> None:
    """SEG-025: those who spent nothing, bought today, or on hundreds of days, too."""
    given_ = ValueRules(model=model, horizon_days=days)
    odd = [
        Bought(0, 0, 0, 0, 0),
        Bought(2, 30, 31, 2, 0),
        Bought(400, 800, 801, 401, 9_000_000),
        Bought(0, 0, 900, 1, 5),
    ]
    some = [*some_buyers(60), *odd]
    shop = fitted(some_buyers(), given_)
    found = predict_everybody(shop, buyers_of(some), given_)
    assert found.value is not None
    for place, each in enumerate(some):
        alone = rules.predict(shop, each, 1.0, given_, days)
        assert found.alive[place] == pytest.approx(alone.alive, rel=1e-9)
        assert found.purchases[place] == pytest.approx(alone.purchases, rel=1e-9)
        assert found.value[place] == pytest.approx(alone.value, abs=1)

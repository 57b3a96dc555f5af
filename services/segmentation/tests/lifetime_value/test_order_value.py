"""Gamma-Gamma: published parameters, slope and shrinkage."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.lifetime_value.order_value import Spending, Spent, correlation, expected, fit, likelihood

from .cdnow import read

PAPER = Spending(6.25, 3.74, 15.44)
SPENT = st.tuples(st.integers(1, 20), st.floats(0.5, 500))


def test_gamma_gamma_on_cdnow_has_the_published_parameters() -> None:
    """Fader and Hardie (2013): 946 repeat buyers."""
    _, spent = read()
    best = fit(spent)
    assert (best.found, len(spent)) == (True, 946)
    assert best.parameters == pytest.approx((6.25, 3.74, 15.44), rel=2e-3)
    related = correlation([(float(days), value) for days, value in spent])
    assert related == pytest.approx(0.11, abs=0.01)


@given(st.lists(SPENT, min_size=1, max_size=10), st.tuples(*[st.floats(0.2, 9)] * 3))
def test_the_slope_is_that_of_the_likelihood(spent: list[Spent], at: Any) -> None:
    objective = likelihood(spent)
    _, slope = objective(at)
    for place in range(3):
        higher, lower = list(at), list(at)
        higher[place] += 1e-5
        lower[place] -= 1e-5
        rise = (objective(higher)[0] - objective(lower)[0]) / 2e-5
        assert slope[place] == pytest.approx(rise, abs=1e-4, rel=1e-4)


@given(SPENT)
def test_a_customer_is_drawn_to_the_shop_and_less_the_more_is_known(spent: Spent) -> None:
    shop, own = expected(PAPER, None), expected(PAPER, spent)
    low, high = sorted((shop, spent[1]))
    assert low - 1e-9 <= own <= high + 1e-9
    assert abs(expected(PAPER, (spent[0] + 5, spent[1])) - spent[1]) <= abs(own - spent[1]) + 1e-9


def test_what_does_not_vary_goes_with_nothing() -> None:
    assert correlation([(1.0, 5.0), (1.0, 7.0)]) is None
    assert correlation([(1.0, 2.0)]) is None

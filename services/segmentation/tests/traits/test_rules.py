"""Classes, grades, milestones, habits, tastes and behaviour tags of one customer."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.thresholds.state import TraitRules
from segmentation.traits import rules
from segmentation.traits.state import Bought, Known, Line, ShopMeans, Voices

RULES, TODAY = TraitRules(), date(2025, 3, 20)


def bought(days_ago: int, net: int | None = 10_000, category: str = "tea", quantity: int = 1, **more: Any) -> Bought:
    lines = (Line("s", category, None, quantity, net or 0, more.pop("mark", None)),)
    return Bought(TODAY - timedelta(days=days_ago), net, lines=lines, **more)


@pytest.mark.parametrize(
    ("completed", "reached", "care"),
    [
        (0, "0", "none"),
        (1, "1", "critical"),
        (3, "3", "critical"),
        (4, "4", "growing"),
        (5, "5", "sticky"),
        (6, "5+", "sticky"),
    ],
)
def test_seg_028_the_first_three_purchases_matter_most_and_the_fifth_forms_stickiness(
    completed: int, reached: str, care: str
) -> None:
    """T-4.20."""
    assert rules.milestone(completed) == (reached, care)


def test_seg_026_loyalty_and_seg_027_power_are_graded_from_one_to_five() -> None:
    assert [rules.loyalty_grade(n, RULES.loyalty_borders) for n in (0, 1, 2, 3, 4, 5, 7, 8, 99)] == [
        0,
        1,
        2,
        3,
        3,
        4,
        4,
        5,
        5,
    ]
    graded = [rules.power_grade(net, 1_000, RULES.power_percents) for net in (0, 499, 500, 800, 1_199, 1_200, 2_000)]
    assert graded == [1, 1, 2, 3, 3, 4, 5]
    assert rules.power_grade(1, None, RULES.power_percents) is None


@given(st.lists(st.integers(0, 200_000)))
def test_seg_032_every_order_falls_in_one_band(nets: list[int]) -> None:
    found = rules.bands([bought(1, net) for net in nets], RULES.amount_bands, 100)
    assert sum(band.orders for band in found) == len(nets)
    for band in found:
        inside = [net for net in nets if net >= band.low * 100 and (band.high is None or net < band.high * 100)]
        assert band.orders == len(inside)


def test_seg_033_and_048_tastes_and_what_shifts() -> None:
    orders = (bought(1, quantity=4), bought(80, category="cups", quantity=2), bought(100, category="cups", quantity=4))
    known = Known(TODAY, 3, orders)
    assert rules.tastes(orders, "category") == [("cups", 6, 60.0), ("tea", 4, 40.0)]
    assert rules.tastes(orders, "brand") == []
    assert rules.shifts(known, RULES) == [("cups", 4, 2, "falling"), ("tea", 0, 4, "rising")]
    assert rules.shifts(Known(TODAY, 1, orders[:1]), RULES) == [], "to begin is no change of taste"
    left = tuple(bought(days, quantity=4) for days in (100, 110, 120))
    assert rules.shifts(Known(TODAY, 3, left), RULES) == [], "nor is to leave"


def test_seg_034_a_habit_is_the_time_that_most_orders_fall_in() -> None:
    evening = [bought(n, hour=20) for n in (1, 3, 5)]
    assert rules.hours(evening, RULES).habit == "evening"
    assert rules.hours(evening[:2], RULES).habit is None
    assert rules.hours([*evening, bought(2, hour=9), bought(4, hour=3), bought(6, hour=9)], RULES).habit is None
    # 15 and 16 March 2025 are a weekend.
    assert rules.hours([bought(5), bought(4), bought(1)], RULES).weekend_percent == 66.7


def test_seg_035_intervals_are_between_days_of_buying() -> None:
    found = rules.intervals([bought(0), bought(0), bought(10), bought(40)])
    assert found == (10, 20.0, 30, 10)
    assert rules.intervals([bought(0), bought(0)]) is None


def test_seg_043_behaviour_tags_have_a_reason() -> None:
    orders = tuple(bought(n, 30_000, promoted=n < 3) for n in range(5))
    known = Known(TODAY, 5, orders, means=ShopMeans(50_000, 10_000), tags=frozenset({"bargaining", "x"}))
    found = dict(rules.behaviour(known, RULES))
    assert list(found) == ["campaign_customer", "loyal_customer", "high_order_value", "bargaining"]
    assert found["campaign_customer"] == "60.0 percent of 5 orders with a promotion"
    assert rules.behaviour(Known(TODAY, 2, orders[:2]), RULES) == []


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({}, []),
        ({"means": ShopMeans(500_000, 1)}, ["purchasing_power"]),
        ({"voices": Voices(10, 10, 8, 2, 3)}, ["positive_reviews"]),
        ({"voices": Voices(10, 10, 9, 0, 1)}, ["buyer_shows"]),
        ({"completed": 4}, ["loyal"]),
        ({"voices": Voices()}, ["positive_reviews", "buyer_shows"]),
    ],
)
def test_seg_058_all_four_conditions_are_needed_for_a_call(change: dict[str, Any], missing: list[str]) -> None:
    fields: dict[str, Any] = {
        "completed": 5,
        "orders": tuple(bought(n) for n in range(5)),
        "means": ShopMeans(40_000, 8_000),
        "voices": Voices(10, 10, 9, 0, 2),
    }
    assert rules.call(Known(TODAY, **{**fields, **change}), RULES) == (not missing, missing)


def test_seg_060_what_was_new_and_hot_when_bought() -> None:
    orders = [bought(1, mark="new", quantity=3), bought(2, mark="hot"), bought(3, mark=None, quantity=9)]
    assert rules.marks(orders) == (75.0, 25.0)
    assert rules.marks([bought(1)]) is None

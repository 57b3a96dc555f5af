"""The life cycle by the customer's own usual gap (SEG-009 to SEG-013)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events.segments import LifeCycleChanged
from segmentation.attributes.lifecycle import rules as lifecycle
from segmentation.thresholds.state import DEFAULT

from ..histories import at, facts, fold


@pytest.mark.parametrize(
    ("shop_gap", "own", "expected"),
    [
        (Fraction(60), [10, 20], Fraction(75, 2)),  # two own gaps weigh as much as the shop's
        (Fraction(60), [], Fraction(60)),
        (Fraction(61, 2), [1], Fraction(62, 3)),  # a median that ends in a half
        (Fraction(2), [1, 1], Fraction(7)),  # never below a week
        (Fraction(60), [3000], Fraction(365)),  # never above a year
    ],
)
def test_usual_gap_is_exact_and_kept_within_a_week_and_a_year(
    shop_gap: Fraction, own: list[int], expected: Fraction
) -> None:
    """SEG-035: the repurchase cycle of a customer."""
    assert Fraction(*lifecycle.usual_gap(int(2 * shop_gap), sum(own), len(own), DEFAULT.gap)) == expected


def test_gaps_lie_between_different_dates_of_the_shop_only(events: Any) -> None:
    """SEG-035."""
    found = fold(
        [
            events.completed("c1", "2025-01-01T00:10"),
            events.completed("c1", "2025-01-01T23:50"),
            events.completed("c1", "2025-01-11T00:10"),
            events.completed("c1", "2025-01-31T12:00"),
        ]
    )
    assert found.purchases.own_gaps == 2
    assert found.life_cycle.gap is not None
    assert Fraction(*found.life_cycle.gap) == Fraction(75, 2)
    assert lifecycle.in_days(found.life_cycle.gap) == 37.5


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (0, "active"), (37, "active"), (38, "sleeping"), (75, "sleeping"), (76, "pre_churn"), (112, "pre_churn"),
        (113, "churned"), (225, "churned"), (226, "dead"), (5000, "dead"),
    ],
)  # fmt: skip
def test_seg_009_to_012_life_cycle_by_usual_gaps_of_37_and_a_half_days(days: int, expected: str) -> None:
    """SEG-009 to 012, the states alone; SEG-013: by multiples of the customer's own cycle."""
    assert lifecycle.life_cycle(days, (75, 2), DEFAULT.life_cycle) == expected


@given(st.integers(0, 3000), st.integers(7, 2000), st.integers(1, 5))
def test_seg_013_the_next_change_is_the_first_day_that_differs(days: int, numerator: int, denominator: int) -> None:
    gap = (numerator, denominator)
    change = lifecycle.next_change(days, gap, DEFAULT.life_cycle)
    now = lifecycle.life_cycle(days, gap, DEFAULT.life_cycle)
    if change is None:
        assert now == "dead"
    else:
        assert change > days
        assert lifecycle.life_cycle(change, gap, DEFAULT.life_cycle) != now
        assert lifecycle.life_cycle(change - 1, gap, DEFAULT.life_cycle) == now


def test_seg_013_every_turn_is_announced_at_midnight_of_the_shop(events: Any) -> None:
    seen = facts([events.completed("c1", "2025-01-01T22:00")], until="2026-12-31T00:00")
    assert [(when, d.old, d.new) for when, d in seen if isinstance(d, LifeCycleChanged)] == [
        (at("2025-01-01T22:00"), None, "active"),
        (at("2025-03-03T00:00"), "active", "sleeping"),
        (at("2025-05-02T00:00"), "sleeping", "pre_churn"),
        (at("2025-07-01T00:00"), "pre_churn", "churned"),
        (at("2025-12-28T00:00"), "churned", "dead"),
    ]


def test_the_next_order_makes_active_again(events: Any) -> None:
    """SEG-013: each transition is announced."""
    seen = facts([events.completed("c1", "2025-01-01T22:00"), events.completed("c1", "2025-04-01T08:00")])
    assert [(d.new, d.confidence) for _, d in seen if isinstance(d, LifeCycleChanged)] == [
        ("active", "low"),
        ("sleeping", "low"),
        ("active", "medium"),
    ]


@pytest.mark.parametrize(("gaps", "expected"), [(0, "low"), (1, "medium"), (2, "medium"), (3, "high"), (9, "high")])
def test_confidence_of_the_life_cycle_by_number_of_own_gaps(gaps: int, expected: str) -> None:
    assert lifecycle.confidence(gaps, DEFAULT.gap) == expected


@given(st.integers(1, 10**9), st.integers(1, 10**5))
def test_a_gap_is_shown_in_hundredths_of_a_day_halves_to_even(numerator: int, denominator: int) -> None:
    assert lifecycle.in_days((numerator, denominator)) == float(round(Fraction(numerator, denominator), 2))

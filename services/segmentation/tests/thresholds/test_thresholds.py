"""Thresholds that a shop may set, exactly where their borders are, and when a new version counts."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from pydantic import ValidationError

from common.events.segments import LifeCycleChanged, RfmChanged, SegmentEntered, SegmentLeft
from common.time.calendar import day_start
from segmentation.attributes.lapse import rules as lapse
from segmentation.attributes.lifecycle import rules as lifecycle
from segmentation.attributes.rfm import rules as rfm
from segmentation.fold import SegmentFolding
from segmentation.preview.rules import Preview, shop_under
from segmentation.shop_statistics.state import ShopStatistics
from segmentation.thresholds.state import DEFAULT, GapRules, LifeCycleRules, RfmRules, Thresholds

from ..histories import ZONE, at, facts, fold, order, purchases, shop, some_statistics, version


def test_the_defaults_are_those_of_defaults_md() -> None:
    assert DEFAULT.model_dump() == {
        "gap": {
            "default_days": 60,
            "gaps_needed": 30,
            "shop_weight": 2,
            "shortest_days": 7,
            "longest_days": 365,
            "medium_from": 1,
            "high_from": 3,
        },
        "life_cycle": {"active": 100, "sleeping": 200, "pre_churn": 300, "churned": 600},
        "lapse_months": 2,
        "rfm": {
            "method": "mean",
            "groups": "four_classes",
            "window_months": 12,
            "buyers_needed": 30,
            "buyers_for_high_confidence": 300,
            "recency_days": 60,
            "frequency": 2,
            "monetary": 200,
            "recency_grades": (30, 60, 120, 240),
            "frequency_grades": (1, 2, 4, 7),
            "monetary_grades": (100, 200, 500, 1_000),
        },
        "churn": {
            "gap_percent": 200,
            "grave_percent": 300,
            "over_percent": 600,
            "value_percent": 50,
            "least_days": 7,
        },
        "win_back": {
            "service": "apology_ticket",
            "nobody_cares": "greeting_call",
            "price": "coupon",
            "better_product": "new_product_trial",
            "other": "survey_with_gift",
        },
        "value": {
            "model": "mbg_nbd",
            "horizon_days": 365,
            "discount_percent": 10,
            "margin_percent": 100,
            "buyers_needed": 100,
            "repeat_needed": 30,
        },
        "churn_model": {"horizon_days": 91, "buyers_needed": 200, "each_needed": 30},
        "traits": {
            "frequency_medium": 2,
            "frequency_high": 5,
            "consumption_medium": 500,
            "consumption_high": 2_000,
            "amount_bands": (50, 100, 200, 500, 1_000),
            "loyalty_borders": (1, 2, 3, 5, 8),
            "power_percents": (50, 80, 120, 200),
            "least_orders": 3,
            "habit_percent": 60,
            "campaign_percent": 60,
            "loyal_orders": 5,
            "high_value_percent": 150,
            "positive_percent": 90,
            "buyer_shows": 2,
            "shift_days": 90,
            "shift_units": 2,
        },
        "strategies": {},
    }


@pytest.mark.parametrize(
    ("what", "given", "message"),
    [
        ("parts of the life cycle that fall", {"life_cycle": {"sleeping": 100}}, "'sleeping' ends at 100"),
        ("a last part that ends before it begins", {"life_cycle": {"churned": 299}}, "'churned' ends at 299"),
        ("a longest gap below the shortest", {"gap": {"longest_days": 6}}, "shorter than the shortest"),
        ("high confidence no harder than medium", {"gap": {"medium_from": 3}}, "more own gaps than medium"),
        ("means surer with fewer buyers", {"rfm": {"buyers_for_high_confidence": 29}}, "at least the 30 buyers"),
        ("no lapse at all", {"lapse_months": 0}, "greater than or equal to 1"),
        ("a window of more than ten years", {"rfm": {"window_months": 121}}, "less than or equal to 120"),
        ("days that are no whole number", {"rfm": {"recency_days": 60.5}}, "valid integer"),
        ("a text where a number belongs", {"rfm": {"frequency": "2"}}, "valid integer"),
        ("a threshold nobody knows", {"rfm": {"quantiles": 5}}, "Extra inputs"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(what: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Thresholds.model_validate(given)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (15, "active"), (16, "sleeping"), (45, "sleeping"), (46, "pre_churn"), (49, "pre_churn"), (50, "churned"),
        (90, "churned"), (91, "dead"),
    ],
)  # fmt: skip
def test_seg_013_a_shops_own_borders_of_the_life_cycle_with_a_usual_gap_of_30_days(days: int, expected: str) -> None:
    rules = LifeCycleRules(active=50, sleeping=150, pre_churn=164, churned=300)
    assert lifecycle.life_cycle(days, (30, 1), rules) == expected


@pytest.mark.parametrize(
    ("rules", "own", "expected"),
    [
        (GapRules(), [], Fraction(60)),
        (GapRules(default_days=45), [], Fraction(45)),
        (GapRules(shop_weight=1), [30], Fraction(45)),
        (GapRules(shop_weight=5), [30], Fraction(55)),
        (GapRules(shortest_days=45), [10, 10], Fraction(45)),
        (GapRules(shortest_days=35), [10, 10], Fraction(35)),
        (GapRules(shortest_days=34), [10, 10], Fraction(35)),
        (GapRules(longest_days=90), [150], Fraction(90)),
        (GapRules(longest_days=91), [150], Fraction(90)),
        (GapRules(longest_days=89), [150], Fraction(89)),
    ],
)
def test_seg_035_a_shops_own_rules_of_the_usual_gap(rules: GapRules, own: list[int], expected: Fraction) -> None:
    assert Fraction(*lifecycle.usual_gap(2 * rules.default_days, sum(own), len(own), rules)) == expected


@pytest.mark.parametrize(
    ("known", "needed", "doubled"), [(29, 30, 120), (30, 30, 21), (31, 30, 21), (9, 10, 120), (10, 10, 21)]
)
def test_the_shops_median_counts_from_the_gaps_needed_on(known: int, needed: int, doubled: int) -> None:
    assert some_statistics(gaps=known, median_gap_doubled=21).shop_gap_doubled(GapRules(gaps_needed=needed)) == doubled


@pytest.mark.parametrize(
    ("gaps", "expected"), [(1, "low"), (2, "medium"), (4, "medium"), (5, "high"), (0, "low"), (6, "high")]
)
def test_a_shops_own_confidence_by_own_gaps(gaps: int, expected: str) -> None:
    assert lifecycle.confidence(gaps, GapRules(medium_from=2, high_from=5)) == expected


@pytest.mark.parametrize(
    ("months", "today", "lapsed"),
    [
        (1, date(2025, 2, 27), False), (1, date(2025, 2, 28), True), (3, date(2025, 4, 29), False),
        (3, date(2025, 4, 30), True), (12, date(2026, 1, 30), False), (12, date(2026, 1, 31), True),
    ],
)  # fmt: skip
def test_seg_014_a_shops_own_months_until_the_lapse(months: int, today: date, lapsed: bool) -> None:
    assert (lapse.episode(date(2025, 1, 31), today, months) is not None) is lapsed


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ((30, 3, 50_000, "CNY"), (True, True, True)),
        ((31, 2, 49_999, "CNY"), (False, False, False)),
        ((29, 4, 50_001, "CNY"), (True, True, True)),
        ((30, 2, 500, "JPY"), (True, False, True)),
    ],
)
def test_seg_019_a_shops_own_fixed_thresholds(measured: Any, expected: Any) -> None:
    rules = RfmRules(recency_days=30, frequency=3, monetary=500)
    assert rfm.above_fixed(rfm.Measure(*measured), rules) == expected


@pytest.mark.parametrize(
    ("buyers", "method", "confidence"),
    [(9, "fixed", "low"), (10, "mean", "medium"), (19, "mean", "medium"), (20, "mean", "high")],
)
def test_a_shops_own_numbers_of_buyers_for_means(buyers: int, method: str, confidence: str) -> None:
    rules, statistics = RfmRules(buyers_needed=10, buyers_for_high_confidence=20), some_statistics(buyers)
    assert (statistics.method(rules), statistics.confidence(rules)) == (method, confidence)


@pytest.mark.parametrize(("bought", "frequency"), [("2024-12-31", 1), ("2025-01-01", 2), ("2025-03-31", 2)])
def test_a_shops_own_window_begins_on_the_same_day_so_many_months_before(bought: str, frequency: int) -> None:
    """SEG-019: the window is the shop's."""
    found = rfm.measure(purchases([order(bought, 100), order("2025-04-01", 100)], []), date(2025, 4, 1), 3, "CNY")
    assert found is not None
    assert found.frequency == frequency


# --- versions --------------------------------------------------------------------------------------------------------


def test_a_version_counts_from_its_instant_on_and_what_it_changes_is_dated_then(events: Any) -> None:
    seen = facts(
        [events.completed("c1", "2025-01-01T10:00", 100)],
        "2025-02-20T00:00",
        shop(versions=[version("2025-02-10T15:00", lapse_months=1, life_cycle={"active": 50}, rfm={"monetary": 1})]),
    )
    assert [(when, d.new) for when, d in seen if isinstance(d, LifeCycleChanged)] == [
        (at("2025-01-01T10:00"), "active"),
        (at("2025-02-10T15:00"), "sleeping"),
    ]
    assert [(when, d.cell) for when, d in seen if isinstance(d, RfmChanged)] == [
        (at("2025-01-01T10:00"), "100"),
        (at("2025-02-10T15:00"), "101"),
    ]
    # Lapsed since the day on which this version would have had it so.
    assert [(when, d.since) for when, d in seen if isinstance(d, SegmentEntered)] == [
        (at("2025-02-10T15:00"), at("2025-02-01T00:00"))
    ]


def test_a_longer_time_until_the_lapse_ends_a_lapse(events: Any) -> None:
    seen = facts(
        [events.completed("c1", "2025-01-01T10:00")],
        "2025-04-15T00:00",
        shop(versions=[version("2025-03-10T00:00", lapse_months=3)]),
    )
    assert [(when, type(d)) for when, d in seen if isinstance(d, SegmentEntered | SegmentLeft)] == [
        (at("2025-03-01T00:00"), SegmentEntered),
        (at("2025-03-10T00:00"), SegmentLeft),
        (at("2025-04-01T00:00"), SegmentEntered),
    ]


def test_a_version_that_changes_nothing_of_a_customer_is_not_due_for_them(events: Any) -> None:
    given = shop(versions=[version("2025-01-10T00:00", rfm={"monetary": 201})])
    state = fold([events.completed("c1", "2025-01-01T10:00", 100)], given=given)
    due = SegmentFolding({"tea": given}).next_due(state)
    assert due is not None
    assert (due.kind, due.at) == ("lapse", at("2025-03-01T00:00"))


def test_of_versions_that_begin_together_the_newest_counts() -> None:
    given = shop(versions=[version("2025-01-10T00:00", 2, lapse_months=5), version("2025-01-10T00:00", lapse_months=4)])
    assert given.version_at(at("2025-01-10T00:00")).number == 2
    assert given.version_at(at("2025-01-09T23:59")).number == 0


def test_a_new_window_counts_with_the_statistics_that_were_made_over_it(events: Any) -> None:
    months = [(date(2025, 2, 1), 12), (date(2025, 3, 1), 1)]
    known = [ShopStatistics(month=m, as_of=day_start(m, ZONE), window_months=window) for m, window in months]
    given = shop(*known, versions=[version("2025-02-15T00:00", rfm={"window_months": 1})])
    seen = facts([events.completed("c1", "2025-01-10T10:00", 100)], "2025-03-02T00:00", given)
    assert [(when, d.cell) for when, d in seen if isinstance(d, RfmChanged)] == [
        (at("2025-01-10T10:00"), "100"),
        (at("2025-03-01T00:00"), None),
    ]


# --- preview ---------------------------------------------------------------------------------------------------------


def test_a_preview_counts_who_would_move_and_stores_nothing(events: Any) -> None:
    now, found = at("2025-02-15T12:00"), Preview()
    given = shop(versions=[version("2025-03-01T00:00", lapse_months=9)])
    then = shop_under(given, Thresholds(lapse_months=1, rfm=RfmRules(monetary=50)), now)
    for day, paid in [("2025-01-10", 6_000), ("2025-01-20", 6_000), ("2025-02-10", 100)]:
        state = fold([events.completed("c1", f"{day}T10:00", paid)])
        before = state.model_dump()
        found.add(state, given, then, now)
        assert state.model_dump() == before
    found.add(fold([events.registered("p1", "2025-01-01T10:00")]), given, then, now)
    assert (found.looked_at, found.moved) == (3, 2)
    assert found.lapsed == {(False, True): 1, (False, False): 2}
    assert found.rfm_class == {
        ("general_value", "important_development"): 2,
        ("general_value", "general_value"): 1,
    }
    assert found.life_cycle == {("active", "active"): 3}

"""Statistics of a shop, and when they count."""

from __future__ import annotations

from collections import Counter
from datetime import date
from statistics import median
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from common.events.segments import LifeCycleChanged, RfmChanged
from common.time.calendar import day_start
from segmentation.fold import SegmentFolding
from segmentation.purchases.entries import Item
from segmentation.shop_statistics.rules import add_up, median_doubled
from segmentation.shop_statistics.state import ShopStatistics
from segmentation.thresholds.state import DEFAULT

from ..histories import ZONE, at, facts, fold, order, refund, shop, some_statistics
from .tallies import tally_of


def test_the_shops_gap_is_sixty_days_until_thirty_gaps_are_known() -> None:
    assert some_statistics(gaps=29, median_gap_doubled=21).shop_gap_doubled(DEFAULT.gap) == 120
    assert some_statistics(gaps=30, median_gap_doubled=21).shop_gap_doubled(DEFAULT.gap) == 21


@given(st.lists(st.integers(1, 50), min_size=1))
def test_the_median_from_counts_is_the_median(values: list[int]) -> None:
    assert median_doubled(Counter(values)) == 2 * median(values)


def test_statistics_know_nothing_of_the_month_that_begins() -> None:
    histories: list[list[tuple[str, Item]]] = [
        [
            order("2025-01-01", 100),
            order("2025-01-11", 300),
            order("2025-03-01", 900),
            refund("2025-03-01", "2025-01-11", 300),
        ],
        [order("2024-02-28", 100), order("2024-03-05", 50), refund("2025-01-01", None, 20)],
        [order("2025-03-02", 100)],
    ]
    found = add_up(
        [tally_of([dict(each) for each in histories], date(2025, 3, 1), 12, "CNY")],
        date(2025, 3, 1),
        day_start(date(2025, 3, 1), ZONE),
        12,
    )
    assert (found.gaps, found.median_gap_doubled) == (2, 16)  # gaps of 10 and 6 days
    assert (found.buyers, found.recency_sum, found.frequency_sum) == (2, 49 + 361, 3)
    assert found.monetary == {"CNY": (400 + 30, 2)}


def test_new_statistics_rescore_at_midnight_of_the_first_and_never_before(events: Any) -> None:
    one = [events.completed("c1", "2025-02-10T10:00", 10_001)]
    seen = facts(one, "2025-03-10T00:00", shop(some_statistics(frequency_sum=15)))
    scores = [(when, d.cell, d.method) for when, d in seen if isinstance(d, RfmChanged)]
    assert scores == [(at("2025-02-10T10:00"), "100", "fixed"), (at("2025-03-01T00:00"), "111", "mean")]


def test_a_score_leaves_with_the_first_month_that_finds_nothing_in_the_window(events: Any) -> None:
    months = [date(2025, 2, 1), date(2026, 1, 1), date(2026, 2, 1)]
    known = [ShopStatistics(month=m, as_of=day_start(m, ZONE)) for m in months]
    seen = facts([events.completed("c1", "2025-01-10T10:00", 100)], "2026-03-01T00:00", shop(*known))
    assert [(when, d.cell) for when, d in seen if isinstance(d, RfmChanged)][-1] == (
        at("2026-02-01T00:00"),
        None,
    )


def test_a_shorter_shop_gap_moves_the_life_cycle_on_the_first(events: Any) -> None:
    seen = facts(
        [events.completed("c1", "2025-02-01T10:00")],
        "2025-03-01T12:00",
        shop(some_statistics(gaps=30, median_gap_doubled=28)),
    )
    assert [(when, d.new, d.usual_gap_days) for when, d in seen if isinstance(d, LifeCycleChanged)] == [
        (at("2025-02-01T10:00"), "active", 60.0),
        (at("2025-03-01T00:00"), "sleeping", 14.0),
    ]


def test_nobody_is_due_for_statistics_before_they_are_known(events: Any) -> None:
    pending = shop(now="2025-03-20T00:00")
    before = fold([events.completed("c1", "2025-02-02T10:00")], given=pending)
    due = SegmentFolding({"tea": pending}).next_due(before)
    assert due is not None
    # Nobody is due for statistics that may change nothing: whom they change is found when they are known.
    assert (due.kind, due.at) == ("lapse", at("2025-04-02T00:00"))
    known = shop(some_statistics(frequency_sum=15, recency_sum=1))
    due = SegmentFolding({"tea": known}).next_due(before)
    assert due is not None
    assert (due.kind, due.at) == ("statistics", at("2025-03-01T00:00"))


def test_who_has_been_dead_for_good_is_not_swept_for_ever(events: Any) -> None:
    months = [date(2025 + n // 12, n % 12 + 1, 1) for n in range(1, 240)]
    known = shop(*[ShopStatistics(month=m, as_of=day_start(m, ZONE)) for m in months])
    found = fold([events.completed("c1", "2025-01-10T10:00")], "2044-12-31T00:00", known)
    assert SegmentFolding({"tea": known}).next_due(found) is None

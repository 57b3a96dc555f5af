"""The lapse: from when, until when (SEG-014)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from common.events.segments import SegmentEntered, SegmentLeft
from common.fold.folding import fold_all
from segmentation.attributes.lapse import rules as lapse
from segmentation.fold import SegmentFolding

from ..histories import KEY, at, facts, shop


@pytest.mark.parametrize(
    ("last", "today", "lapsed"),
    [
        (date(2025, 1, 15), date(2025, 3, 14), False),  # T-4.17; 58 days
        (date(2025, 1, 15), date(2025, 3, 15), True),  # 59 days: calendar months, not 60 days
        (date(2025, 7, 1), date(2025, 8, 31), False),  # 61 days
        (date(2025, 7, 1), date(2025, 9, 1), True),
        (date(2024, 12, 31), date(2025, 2, 27), False),
        (date(2024, 12, 31), date(2025, 2, 28), True),
        (date(2023, 12, 31), date(2024, 2, 28), False),
        (date(2023, 12, 31), date(2024, 2, 29), True),
    ],
)
def test_seg_014_lapse_comes_two_calendar_months_after_the_last_completed_order(
    last: date, today: date, lapsed: bool
) -> None:
    """T-4.17, SEG-014: at the edges of months, whatever number of days that is."""
    assert (lapse.episode(last, today, 2) == last) is lapsed


def test_seg_014_one_episode_until_the_next_order(events: Any) -> None:
    """SEG-014, C-14: two months by default."""
    seen = facts(
        [
            events.completed("c1", "2025-01-15T10:00"),
            events.viewed("c1", "2025-04-01T10:00"),
            events.completed("c1", "2025-05-20T10:00"),
        ],
        until="2025-08-01T00:00",
    )
    assert [(when, type(d), d.episode) for when, d in seen if isinstance(d, SegmentEntered | SegmentLeft)] == [
        (at("2025-03-15T00:00"), SegmentEntered, "2025-01-15"),
        (at("2025-05-20T10:00"), SegmentLeft, "2025-01-15"),
        (at("2025-07-20T00:00"), SegmentEntered, "2025-05-20"),
    ]


def test_a_late_order_ends_the_lapse_that_was_announced(events: Any) -> None:
    folding = SegmentFolding({"tea": shop()})
    first, late = events.completed("c1", "2025-01-15T10:00"), events.completed("c1", "2025-03-10T10:00")
    before, _, _ = fold_all(folding, [first], at("2025-03-20T00:00"), KEY)
    after, _, _ = fold_all(folding, [first, late], at("2025-03-20T00:00"), KEY)
    effects = folding.difference(before, None, after, late.time)
    assert [e.data.episode for e in effects if isinstance(e.data, SegmentLeft)] == ["2025-01-15"]
    assert not [e for e in effects if isinstance(e.data, SegmentEntered)]
    assert {e.at for e in effects} == {late.time}


def test_a_late_order_that_lies_before_the_lapse_changes_its_episode(events: Any) -> None:
    folding = SegmentFolding({"tea": shop()})
    first, late = events.completed("c1", "2025-01-15T10:00"), events.completed("c1", "2025-02-10T10:00")
    before, _, _ = fold_all(folding, [first], at("2025-05-01T00:00"), KEY)
    after, _, _ = fold_all(folding, [first, late], at("2025-05-01T00:00"), KEY)
    found = [e.data for e in folding.difference(before, None, after, late.time)]
    assert SegmentLeft(segment="lapsed", episode="2025-01-15") in found
    assert SegmentEntered(segment="lapsed", episode="2025-02-10", since=at("2025-04-10T00:00")) in found

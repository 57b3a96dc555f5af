"""When points expire: by month, quarter, year or days; month ends, leap years and days of 23 hours (MEM-044)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from membership.points.state import Points
from membership.programme.programme import PointsRules, Programme

from ..stories import completed, fold, redeemed


@pytest.mark.parametrize(
    ("given", "available", "gone"),
    [
        ({}, "2025-03-05", "2026-04-01"),
        ({}, "2025-03-31", "2026-04-01"),
        ({"expiry_months": 1}, "2025-01-31", "2025-03-01"),
        ({"expiry_months": 1}, "2024-12-31", "2025-02-01"),
        ({"expiry": "quarter_end"}, "2025-03-05", "2026-04-01"),
        ({"expiry": "quarter_end"}, "2025-04-01", "2026-07-01"),
        ({"expiry": "quarter_end", "expiry_months": 1}, "2025-12-31", "2026-04-01"),
        ({"expiry": "year_end"}, "2025-01-01", "2027-01-01"),
        ({"expiry": "year_end"}, "2025-12-31", "2027-01-01"),
        ({"expiry": "year_end", "expiry_months": 1}, "2025-11-30", "2026-01-01"),
        ({"expiry": "days", "expiry_days": 1}, "2025-01-31", "2025-02-02"),
        ({"expiry": "days", "expiry_days": 365}, "2024-02-28", "2025-02-28"),
    ],
)
def test_the_first_day_without_the_points(given: dict[str, Any], available: str, gone: str) -> None:
    found = PointsRules(**given).first_day_without(date.fromisoformat(available))
    assert found == date.fromisoformat(gone)


@pytest.mark.parametrize("given", [{"expiry": "days"}, {"expiry_days": 30}, {"expiry": "never"}])
def test_an_expiry_that_makes_no_sense_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PointsRules(**given)


def test_points_of_a_programme_by_days_go_lot_by_lot() -> None:
    programme = Programme(points=PointsRules(expiry="days", expiry_days=30))
    events = [
        completed("2025-01-01", "a", 10_000),
        completed("2025-01-11", "b", 5_000),
        redeemed("2025-01-12", "r", 30),
    ]
    left = [
        Points.of(fold(events, until, programme)[0]).available
        for until in ("2025-01-31T23:59", "2025-02-01T00:00", "2025-02-10T23:59", "2025-02-11T00:00")
    ]
    assert left == [120, 50, 50, 0]

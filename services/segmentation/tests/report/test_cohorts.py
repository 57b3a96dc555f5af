"""Months and cohorts, by tables."""

from __future__ import annotations

from datetime import date

import pytest

from segmentation.report.cohorts import Cohort, cohorts, months_between, months_later


@pytest.mark.parametrize(
    ("month", "months", "expected"),
    [
        (date(2025, 1, 1), 0, date(2025, 1, 1)),
        (date(2025, 12, 1), 1, date(2026, 1, 1)),
        (date(2025, 1, 1), -1, date(2024, 12, 1)),
        (date(2025, 3, 1), -14, date(2024, 1, 1)),
        (date(2025, 3, 1), 25, date(2027, 4, 1)),
    ],
)
def test_months_later_is_the_inverse_of_months_between(month: date, months: int, expected: date) -> None:
    assert months_later(month, months) == expected
    assert months_between(month, expected) == months


def test_a_cohort_has_every_month_up_to_the_last_also_those_without_anybody() -> None:
    counts = {(date(2025, 1, 1), 0): 5, (date(2025, 1, 1), 2): 3, (date(2025, 3, 1), 0): 1}
    assert cohorts(counts, date(2025, 3, 1)) == [
        Cohort(date(2025, 1, 1), 5, [0, 3]),
        Cohort(date(2025, 3, 1), 1, []),
    ]


def test_nobody_is_no_cohort() -> None:
    assert cohorts({}, date(2025, 3, 1)) == []

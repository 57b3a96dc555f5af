"""The month that a number of the cohorts is of."""

from __future__ import annotations

import pytest

from console.regulars.cohort import month_after
from console.regulars.page import _most_back


@pytest.mark.parametrize(
    ("month", "months", "expected"),
    [("2026-03", 1, "2026-04"), ("2026-12", 1, "2027-01"), ("2026-11", 14, "2028-01"), ("2026-01", 0, "2026-01")],
)
def test_the_month_so_many_months_after(month: str, months: int, expected: str) -> None:
    assert month_after(month, months) == expected


def test_the_darkest_cell_is_of_the_highest_share_and_not_of_the_most_customers() -> None:
    cohorts = [{"customers": 200, "back": [20, 10]}, {"customers": 3, "back": [1]}]
    assert _most_back(cohorts) == 34
    assert _most_back([{"customers": 5, "back": []}]) == 0

"""What is left of a quota of free returns: pure (FBK-031)."""

from __future__ import annotations

from datetime import date

import pytest

from feedback.tiers.rules import Quota, left_of

LONG_AGO = date(2020, 1, 1)


@pytest.mark.parametrize(
    ("quota", "used_on", "today", "since", "left"),
    [
        (Quota(2, 3), [], date(2025, 3, 31), LONG_AGO, 2),
        (Quota(2, 3), [date(2025, 1, 1), date(2025, 3, 31)], date(2025, 2, 1), LONG_AGO, 0),
        (Quota(2, 3), [date(2024, 12, 31), date(2025, 4, 1)], date(2025, 2, 1), LONG_AGO, 2),
        (Quota(1, 1), [date(2025, 2, 1)] * 3, date(2025, 2, 28), LONG_AGO, 0),
        (Quota(3, 1, 2), [], date(2025, 2, 1), LONG_AGO, 5),
        (Quota(3, 1, 2), [date(2025, 1, 9)] * 2, date(2025, 2, 1), LONG_AGO, 4),
        (Quota(3, 1, 2), [date(2025, 1, 9)] * 4, date(2025, 2, 1), LONG_AGO, 3),
        (Quota(3, 1, 2), [], date(2025, 2, 1), date(2025, 2, 1), 3),
        (Quota(3, 1, 2), [], date(2025, 2, 1), None, 3),
        (Quota(1, 12), [date(2024, 12, 31)], date(2025, 1, 1), LONG_AGO, 1),
    ],
)
def test_a_quota_is_of_calendar_periods(
    quota: Quota, used_on: list[date], today: date, since: date | None, left: int
) -> None:
    assert left_of(quota, used_on, today, since) == left

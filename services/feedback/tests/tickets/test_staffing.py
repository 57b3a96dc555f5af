"""Hours of the week at which staff are missing (FBK-035)."""

from __future__ import annotations

from datetime import time

import pytest

from feedback.tickets.service_hours import ServiceHours
from feedback.tickets.staffing import HourOfWeek, staffed

OFFICE = ServiceHours(always=False, opens=time(9, 30), closes=time(17), days=(1, 2, 3, 4, 5))


@pytest.mark.parametrize(
    ("weekday", "hour", "opened", "late", "served", "gap"),
    [
        (1, 10, 50, 0, True, False),
        (1, 10, 50, 10, True, True),
        (1, 10, 51, 10, True, False),
        (1, 9, 5, 0, True, False),
        (1, 8, 5, 0, False, True),
        (1, 8, 4, 0, False, False),
        (1, 17, 9, 0, False, True),
        (6, 10, 9, 0, False, True),
        (7, 23, 1, 1, False, False),
    ],
)
def test_a_gap_is_where_enough_customers_write_and_nobody_is_there_in_time(
    weekday: int, hour: int, opened: int, late: int, served: bool, gap: bool
) -> None:
    [found] = staffed([HourOfWeek(weekday, hour, opened, late, None)], OFFICE)
    assert (found.served, found.gap) == (served, gap)
    [always] = staffed([HourOfWeek(weekday, hour, opened, 0, None)], ServiceHours())
    assert (always.served, always.gap) == (True, False)

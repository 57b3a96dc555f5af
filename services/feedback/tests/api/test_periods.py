"""Periods of reports are bounded, at the ends of the calendar too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from feedback.api.periods import InvalidPeriod, period_of

NOW = datetime(2025, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def test_what_is_absent_is_now_and_some_days_before() -> None:
    assert period_of(None, None, NOW, 30) == (NOW - 30 * DAY, NOW)
    assert period_of(NOW - DAY, None, NOW, 30) == (NOW - DAY, NOW)
    assert period_of(None, NOW - DAY, NOW, 2) == (NOW - 3 * DAY, NOW - DAY)
    assert period_of(NOW - 800 * DAY, None, NOW, 30)[0] == NOW - 800 * DAY


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (NOW, NOW),
        (NOW + DAY, None),
        (NOW - 801 * DAY, None),
        (None, datetime.min.replace(tzinfo=UTC)),
        (None, datetime.max.replace(tzinfo=UTC)),
        (datetime.max.replace(tzinfo=UTC), None),
        (datetime.min.replace(tzinfo=UTC), None),
        (datetime.max.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_what_is_no_period_is_refused(since: datetime | None, until: datetime | None) -> None:
    with pytest.raises(InvalidPeriod):
        period_of(since, until, NOW, 30)

"""The hour of a count of visits begins with an hour of the shop's zone, also where that is none of UTC (ORD-029)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orders_ingest.intake.checks import check
from orders_ingest.intake.state import Outcome

NOW = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hour", "taken"),
    [
        ("2026-11-01T10:00:00+08:00", True),
        ("2026-11-01T10:00:00+05:30", True),
        ("2026-11-01T10:00:00+05:45", True),
        ("2026-11-01T10:10:00+05:30", False),
        ("2026-11-01T10:00:01+08:00", False),
    ],
)
def test_an_hour_of_any_zone_is_one(hour: str, taken: bool) -> None:
    event = {
        "specversion": "1.0",
        "id": "v",
        "source": "/shops/demo/backend",
        "shop": "demo",
        "type": "visits.counted",
        "time": "2026-11-01T23:00:00Z",
        "data": {"hour": hour, "visits": 3},
    }
    found = check(event, "demo", NOW)
    assert (not isinstance(found, Outcome)) == taken, found

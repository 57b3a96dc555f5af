"""When a shop is said to be silent (ORD-041)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orders_ingest.tallies.rules import HOUR, LONGEST_FEED, WEEK, feed_of, silence_of

NOW = datetime(2026, 3, 5, 12, 20, tzinfo=UTC)
LAST = datetime(2026, 3, 5, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("events", "usual", "silent"),
    [
        ({}, 0, False),
        ({LAST - week * WEEK: 40 for week in (1, 2, 3, 4)}, 40, True),
        ({LAST - WEEK: 40}, 10, True),
        ({LAST - WEEK: 39}, 9.75, False),
        ({**{LAST - week * WEEK: 40 for week in (1, 2, 3, 4)}, LAST: 1}, 40, False),
        ({**{LAST - week * WEEK: 40 for week in (1, 2, 3, 4)}, LAST + HOUR: 1}, 40, False),
        ({**{LAST - week * WEEK: 40 for week in (1, 2, 3, 4)}, LAST - HOUR: 9}, 40, True),
        ({LAST - 5 * WEEK: 400}, 0, False),
    ],
)
def test_a_shop_is_silent_that_told_nothing_in_an_hour_in_which_it_usually_does(
    events: dict[datetime, int], usual: float, silent: bool
) -> None:
    found = silence_of(events, NOW)
    assert (found.since, found.usual, found.silent) == (LAST, usual, silent)


def test_it_is_said_in_a_sentence() -> None:
    found = silence_of({LAST - week * WEEK: 40 for week in (1, 2, 3, 4)}, NOW + timedelta(minutes=39))
    assert found.sentence == "this shop has told nothing since 2026-03-05 11:00Z, usually 40 events an hour"


@pytest.mark.parametrize(
    ("source", "feed"),
    [
        ("/shops/demo/api", "api"),
        ("/shops/demo/shopify", "shopify"),
        ("/shops/demo/import/till", "import/till"),
        ("/shops/demo/till/7/left", "till"),
        ("/shops/demo/100471", "#"),
        ("/shops/demo/till-0042", "till-#"),
        ("/shops/demo/" + "x" * 300, "x" * LONGEST_FEED),
    ],
)
def test_a_feed_is_named_by_the_system_that_the_source_says(source: str, feed: str) -> None:
    """ORD-041: not by all of it, which may name every till and every day."""
    assert feed_of("demo", source) == feed

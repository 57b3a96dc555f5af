"""Periods in whole days and the rest: together they are the period, once (FBK-019)."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from feedback.understanding.periods import parts, span_of, whole_days

BEGIN = datetime(2025, 3, 1, tzinfo=UTC)
MINUTES = st.integers(0, 9 * 1440)


@given(MINUTES, MINUTES, st.sets(st.integers(-1, 10)), st.sampled_from([UTC, timezone(timedelta(hours=8))]))
def test_days_and_rest_are_the_period_without_gap_or_overlap(
    one: int, other: int, changed: set[int], zone: timezone
) -> None:
    since, until = (BEGIN.astimezone(zone) + timedelta(minutes=n) for n in sorted((one, other)))
    found = parts(since, until, {BEGIN.date() + timedelta(days=n) for n in changed})
    spans = sorted([*(span_of(day) for day in found.days), *found.rest])
    if since == until:
        assert all(begin == end for begin, end in spans)
        return
    assert (spans[0][0], spans[-1][1]) == (since, until)
    assert all(end == begin for (_, end), (begin, _) in itertools.pairwise(spans))
    assert not {BEGIN.date() + timedelta(days=n) for n in changed} & set(found.days)


def test_a_day_that_is_not_whole_is_counted_anew() -> None:
    since, until = BEGIN + timedelta(hours=1), BEGIN + timedelta(days=2, hours=1)
    assert whole_days(since, until) == [date(2025, 3, 2)]
    assert whole_days(BEGIN, BEGIN + timedelta(days=1)) == [BEGIN.date()]
    assert whole_days(since, BEGIN + timedelta(hours=2)) == []

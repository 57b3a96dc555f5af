"""Pauses of a campaign: how long it was halted, and that its messages grow no older meanwhile (MSG-049)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.decisions.rules import decide, stale_from
from messaging.halts.state import Halt, pauses_in

from ..situations import TUESDAY_TEN, candidate, situation

DAY = timedelta(days=1)


def day(n: int) -> datetime:
    return TUESDAY_TEN + n * DAY


@pytest.mark.parametrize(
    ("states", "pauses"),
    [
        ([], []),
        (["draft", "running"], []),
        (["draft", "running", "paused"], [(day(2), None)]),
        (["draft", "running", "paused", "paused", "running"], [(day(2), day(4))]),
        (["running", "paused", "running", "paused", "stopped"], [(day(1), day(2)), (day(3), day(4))]),
    ],
)
def test_pauses_are_read_from_versions(states: list[str], pauses: list[tuple[datetime, datetime | None]]) -> None:
    assert pauses_in([(day(n), state) for n, state in enumerate(states)]) == pauses


@given(st.lists(st.booleans(), max_size=20), st.integers(0, 25), st.integers(0, 25))
def test_what_was_paused_and_what_was_not_make_up_the_time(paused: list[bool], since: int, at: int) -> None:
    halt = Halt(pauses=pauses_in([(day(n), "paused" if p else "running") for n, p in enumerate(paused)]))
    last = paused[-1:] == [True]
    days = [*paused, *[last] * (30 - len(paused))]
    assert halt.rested(day(since), day(at)) == sum(days[since:at]) * DAY


def test_a_paused_message_waits_for_as_long_as_the_pause_and_is_as_fresh_after_it() -> None:
    made = candidate(purpose="marketing", cause_at=day(0))
    paused = situation(halt=Halt("paused", [(day(1), None)]))
    assert [decide(made, paused, day(n)).reason for n in (1, 8, 400)] == ["campaign_paused"] * 3
    resumed = situation(halt=Halt(None, [(day(1), day(8))]))
    assert decide(made, resumed, day(8)).outcome == "send"
    late = stale_from("marketing", day(0), resumed.policy) + 7 * DAY
    assert decide(made, resumed, late).reason == "stale"
    assert decide(made, resumed, late - timedelta(microseconds=1)).reason != "stale"

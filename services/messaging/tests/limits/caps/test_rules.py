"""How many messages a customer may get, by channel and over all, in the shop's calendar month."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.decisions.rules import decide
from messaging.limits.caps.rules import cap_reached, month_of
from messaging.limits.caps.state import Caps, Contacted

from ...situations import INSTANTS, NEW_YORK, SHANGHAI, TUESDAY_TEN, at, candidate, sent, situation

THREE = sent("2025-03-01 10:00", "2025-03-01 15:00", "2025-03-02 10:00")


@pytest.mark.parametrize(
    ("flow", "so_far", "expected"),
    [
        ("tier", THREE[:2], ("send", "allowed")),
        ("tier", THREE, ("suppress", "cap")),  # T-4.16, MSG-007: the fourth
        ("order_shipped", THREE, ("send", "allowed")),  # T-4.16, MSG-008: logistics pass
        ("survey", THREE, ("send", "allowed")),  # surveys are not counted in a channel's three
        ("survey", sent("2025-02-03 10:01", purpose="survey"), ("suppress", "cap")),  # one in 30 days
        ("survey", sent("2025-02-02 10:00", purpose="survey"), ("send", "allowed")),
        ("tier", sent("2025-02-26 10:00", "2025-02-27 10:00", "2025-02-28 10:00"), ("send", "allowed")),
        ("tier", sent("2025-03-01 10:00", "2025-03-01 15:00", "2025-03-02 10:00", channel="sms"), ("send", "allowed")),
        # C-8: all channels together, six
        ("tier",
         [*THREE[:2], *sent(*["2025-03-02 15:00"] * 3, channel="sms"), *sent("2025-03-02 20:00", purpose="survey")],
         ("suppress", "cap")),
        ("survey", THREE + sent(*["2025-03-02 15:00"] * 3, channel="sms"), ("suppress", "cap")),
    ],
)  # fmt: skip
def test_caps_by_calendar_month(flow: str, so_far: Sequence[Contacted], expected: tuple[str, str]) -> None:
    """MSG-007, T-4.16, C-8: hard caps, per channel and over all; transactional messages pass and do not count."""
    decision = decide(candidate(flow), situation(contacted=so_far), TUESDAY_TEN)
    assert (decision.outcome, decision.reason) == expected


def test_the_month_of_the_cap_is_the_shops() -> None:
    """MSG-007, XCT-020: an evening of 31 March in New York is April in Shanghai."""
    instant = at("2025-03-31 20:00", NEW_YORK)
    assert (month_of(instant, NEW_YORK), month_of(instant, SHANGHAI)) == (date(2025, 3, 1), date(2025, 4, 1))


@given(
    asked_for=st.lists(st.tuples(st.sampled_from(["marketing", "survey", "transactional"]),
                             st.sampled_from(["email", "sms", "chat"]), INSTANTS), max_size=40),
    per_channel=st.integers(0, 4), over_all=st.integers(0, 8),
)  # fmt: skip
def test_no_sequence_of_messages_exceeds_a_cap(
    asked_for: list[tuple[Any, Any, datetime]], per_channel: int, over_all: int
) -> None:
    """M3, MSG-007, C-8: whatever is asked, what goes stays within every cap, and what is refused had no room."""
    caps = Caps(marketing_by_channel={"email": per_channel, "sms": per_channel}, all_channels=over_all)
    # A few months, so that caps are met.
    asked = [(k, c, t.replace(year=2025, month=1 + t.month % 3)) if t.day < 29 else (k, c, t) for k, c, t in asked_for]
    so_far: list[Contacted] = []
    for purpose, channel, when in asked:
        if cap_reached(caps, so_far, purpose, channel, when, SHANGHAI) is None:
            so_far.append(Contacted(when, purpose, channel))
        else:
            assert purpose != "transactional"
    months = {month_of(c.at, SHANGHAI) for c in so_far}
    for month in months:
        counted = [c for c in so_far if c.purpose != "transactional" and month_of(c.at, SHANGHAI) == month]
        assert len(counted) <= over_all
        for channel in ("email", "sms"):
            assert sum(1 for c in counted if c.purpose == "marketing" and c.channel == channel) <= per_channel
    surveys = sorted(c.at for c in so_far if c.purpose == "survey")
    assert all(b - a >= timedelta(days=30) for a, b in pairwise(surveys))

"""What the way to an order comes to (ORD-022, ORD-027, ORD-028)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_ingest.journeys.rules import LOOK_BACK, measured
from orders_ingest.journeys.state import Figures, Sign

PLACED = datetime(2026, 3, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOTHING = Figures(True, None, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("signs", "figures"),
    [
        ([], NOTHING),
        ([Sign(PLACED - 2 * HOUR, "view", "a"), Sign(PLACED - HOUR, "view", "a")], Figures(True, 7200, 1, 0, 0, 0)),
        ([Sign(PLACED - HOUR, "view", "a"), Sign(PLACED, "view", "b")], Figures(True, 3600, 2, 0, 0, 0)),
        ([Sign(PLACED - HOUR, "panel", "a")], Figures(True, 3600, 1, 1, 0, 0)),
        ([Sign(PLACED - HOUR, "panel"), Sign(PLACED, "panel")], Figures(True, 3600, 0, 2, 0, 0)),
        ([Sign(PLACED - HOUR, "chat", "", 240)], Figures(False, None, 0, 0, 1, 240)),
        ([Sign(PLACED + HOUR, "chat", "", 240)], NOTHING),
        ([Sign(PLACED + HOUR, "chat", "o", 240)], Figures(False, None, 0, 0, 1, 240)),
        ([Sign(PLACED - HOUR, "chat", "other", 240)], NOTHING),
        ([Sign(PLACED - LOOK_BACK, "view", "a")], Figures(True, 604_800, 1, 0, 0, 0)),
        ([Sign(PLACED - LOOK_BACK - timedelta(milliseconds=1), "view", "a")], NOTHING),
        ([Sign(PLACED + timedelta(milliseconds=1), "view", "a")], NOTHING),
    ],
)
def test_views_and_chats_within_the_look_back_are_the_way(signs: list[Sign], figures: Figures) -> None:
    assert measured("o", PLACED, signs) == figures


SIGNS = st.builds(
    Sign,
    st.integers(-200, 30).map(lambda hours: PLACED + hours * HOUR),
    st.sampled_from(["view", "panel", "chat"]),
    st.sampled_from(["", "a", "b", "o"]),
    st.integers(0, 500),
)


@given(st.lists(SIGNS, max_size=12), st.randoms())
def test_the_order_in_which_signs_come_changes_nothing(signs: list[Sign], random: object) -> None:
    mixed = list(signs)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert measured("o", PLACED, mixed) == measured("o", PLACED, signs)

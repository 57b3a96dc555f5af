"""From when on a place may be taken, and draws that anybody can repeat (MEM-037, 038, 101, 105)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from membership.activities.rules import may_take_from, seed_hash, winners
from membership.activities.terms import Activity
from membership.programme.programme import REGULAR, SUPREME, VIP, Tier

OPENS = datetime(2025, 3, 10, tzinfo=UTC)
DAY = timedelta(days=1)


def activity(**terms: Any) -> Activity:
    return Activity.model_validate({"name": "Spring", "starts": OPENS + 9 * DAY, "ends": OPENS + 10 * DAY, **terms})


PUBLIC = {"public_from": OPENS}
PRIVATE = {"benefit": "events", "members_from": OPENS - 5 * DAY}


@pytest.mark.parametrize(
    ("terms", "tier", "opens"),
    [
        (PUBLIC, None, OPENS),
        (PUBLIC, REGULAR, OPENS),
        (PUBLIC, VIP, OPENS - timedelta(hours=24)),
        (PRIVATE, None, None),
        (PRIVATE, VIP, None),
        (PRIVATE, SUPREME, OPENS - 5 * DAY),
        ({**PUBLIC, **PRIVATE}, SUPREME, OPENS - 5 * DAY),
        ({**PUBLIC, **PRIVATE}, REGULAR, OPENS),
        ({}, SUPREME, None),
    ],
)
def test_members_of_the_benefit_come_first_then_early_access_then_everybody(
    terms: dict[str, Any], tier: Tier | None, opens: datetime | None
) -> None:
    """MEM-037, MEM-038: refused before the public start without the benefit. MEM-105: for the most loyal alone."""
    assert may_take_from(activity(**terms), tier) == opens


@pytest.mark.parametrize(
    "terms",
    [
        {"ends": OPENS},
        {"benefit": "events"},
        {"members_from": OPENS},
        {"public_from": OPENS + 10 * DAY},
        {"places": 0},
        {"benefit": "gold", "members_from": OPENS},
    ],
)
def test_an_activity_that_makes_no_sense_is_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        activity(**terms)


@given(st.text(min_size=1), st.sets(st.text(min_size=1), max_size=30), st.integers(0, 10))
def test_a_draw_is_the_same_for_everybody_who_knows_the_seed(seed: str, names: set[str], prizes: int) -> None:
    """MEM-101: nobody twice, as many as there are prizes, whatever order the entries came in."""
    drawn = winners(seed, sorted(names), prizes)
    assert drawn == winners(seed, sorted(names, reverse=True), prizes)
    assert len(drawn) == len(set(drawn)) == min(prizes, len(names))
    assert set(drawn) <= names


def test_of_a_thousand_draws_each_of_four_wins_about_as_often() -> None:
    wins = [winners(str(n), ["a", "b", "c", "d"], 1)[0] for n in range(1_000)]
    assert all(200 < wins.count(name) < 300 for name in "abcd")
    assert seed_hash("x") != seed_hash("y")

"""Tiers granted by hand: the campaign's candidates, what a grant outlives and what it does not (MEM-020)."""

from __future__ import annotations

from typing import Any

import pytest

from common.events import Event
from common.events.membership import TierChanged
from membership.programme.programme import Programme
from membership.tiers.state import Tiers

from ..stories import announced, at, campaign, completed, fold, granted, place, refund

BY_HAND = Programme(fast_tracks=(campaign(50_000, by_hand=True),))


@pytest.mark.parametrize(
    ("events", "candidate"),
    [
        ([completed("2025-06-10", "a", 50_000)], "vip"),
        ([completed("2025-06-10", "a", 49_999)], ""),
        ([completed("2025-05-31T23:59", "a", 50_000)], ""),
        ([completed("2025-06-10", "a", 50_000), refund("2025-06-12", "a", 1)], ""),
        ([completed("2025-06-10", "a", 50_000), granted("2025-06-12", "vip")], ""),
        ([completed("2025-06-10", "a", 50_000), completed("2025-06-12", "b", 200_000)], ""),
    ],
)
def test_who_spends_enough_in_a_campaign_by_hand_is_on_the_work_list(events: list[Event[Any]], candidate: str) -> None:
    """MEM-019 to 021: a new customer too; the tier itself is granted by staff."""
    state, _ = fold(events, programme=BY_HAND)
    assert Tiers.of(state).standing.candidate == candidate


def test_a_granted_tier_is_held_for_a_term_and_then_judged_like_any_other() -> None:
    events = [completed("2025-02-01", "a", 100), granted("2025-02-10", "vip")]
    state, effects = fold(events, "2026-02-10")
    assert (place(Tiers.of(state).standing), Tiers.of(state).standing.until) == (2, at("2026-02-10").date())
    assert [(c.new_id, c.reason, c.rule) for c in announced(effects, TierChanged)] == [("vip", "upgrade", "grant")]
    state, _ = fold(events, "2026-04-01")
    assert place(Tiers.of(state).standing) == 1


@pytest.mark.parametrize("back", ["2025-02-20", "2025-02-05"])
def test_a_grant_outlives_the_refund_of_what_was_bought_before(back: str) -> None:
    """A refund judges the tier as if the amount had never been; what staff granted they granted all the same."""
    events = [
        completed("2025-01-01", "first", 100),
        completed("2025-02-01", "a", 60_000),
        granted("2025-02-10", "vip"),
        refund(back, "a", 60_000),
    ]
    state, _ = fold(events, "2025-03-01")
    assert (place(Tiers.of(state).standing), Tiers.of(state).standing.until) == (2, at("2026-02-10").date())


def test_a_grant_makes_a_member_even_when_late_news_undoes_the_enrolment() -> None:
    state, _ = fold([granted("2025-02-10", "senior")])
    assert Tiers.of(state).enrolled == at("2025-02-10")
    assert place(Tiers.of(state).standing) == 1


def test_in_grace_a_grant_of_the_present_tier_renews_it() -> None:
    events = [completed("2025-02-28", "a", 200_000), granted("2026-03-10", "vip")]
    state, effects = fold(events, "2026-03-11")
    assert Tiers.of(state).standing.until == at("2027-03-10").date()
    assert [c.reason for c in announced(effects, TierChanged)] == ["upgrade", "grace", "renewal"]


def test_a_tier_that_the_ladder_has_not_any_more_is_granted_to_nobody() -> None:
    state, _ = fold([completed("2025-02-01", "a", 100), granted("2025-02-10", "platinum")])
    assert place(Tiers.of(state).standing) == 0

"""What a review must have for a reward, and how much it is."""

from __future__ import annotations

from typing import Any

import pytest

from feedback.rewards.policy import ReviewReward
from feedback.rewards.rules import ClaimDecided, ReviewFallsShort, check_review, claim, decide, reward_of
from feedback.standing.rules import Stood
from feedback.tickets.refusals import SecondPersonNeeded


@pytest.mark.parametrize(
    ("text", "photos", "needs", "taken"),
    [
        pytest.param("字" * 29, 0, "text_or_photo", False, id="T-4.12: 29 characters"),
        pytest.param("字" * 30, 0, "text_or_photo", True, id="T-4.12: 30 characters"),
        pytest.param("字" * 31, 0, "text_or_photo", True, id="T-4.12: 31 characters"),
        pytest.param("😀" * 29, 0, "text_or_photo", False, id="by code point, beyond the basic plane too"),
        pytest.param("😀" * 30, 0, "text", True, id="thirty of them"),
        pytest.param("x" * 29 + "  ", 0, "text", False, id="white space at the ends is no character"),
        pytest.param("\u200b" * 30, 0, "text", False, id="thirty characters that do not show"),
        pytest.param("\u3164" * 15 + "\u2800" * 15, 0, "text", False, id="letters that show nothing"),
        pytest.param("a" + " " * 28 + "b", 0, "text", False, id="a gap is one character"),
        pytest.param("fine " * 6, 0, "text", False, id="twenty-nine with single spaces"),
        pytest.param(None, 1, "text_or_photo", True, id="a photo"),
        pytest.param(None, 0, "text_or_photo", False, id="neither"),
        pytest.param("x" * 30, 0, "text_and_photo", False, id="both are asked for"),
        pytest.param("x" * 30, 1, "text_and_photo", True, id="both are there"),
        pytest.param("x" * 29, 1, "text", False, id="a photo is no text"),
        pytest.param("x" * 30, 0, "photo", False, id="a text is no photo"),
    ],
)
def test_what_a_review_must_have(text: str | None, photos: int, needs: Any, taken: bool) -> None:
    """FBK-047, T-4.12, C-11."""
    rule = ReviewReward(enabled=True, needs=needs)
    if taken:
        check_review(text, photos, rule)
    else:
        with pytest.raises(ReviewFallsShort):
            check_review(text, photos, rule)


@pytest.mark.parametrize(("paid", "reward"), [(10_000, 500), (19_990, 1_000), (10, 1), (9, 0), (0, 0)])
def test_five_per_cent_half_up(paid: int, reward: int) -> None:
    """T-4.11; ORD-003: 120.00 less a coupon of 20.00: 5.00."""
    assert reward_of(Stood(paid, "CNY", None, completed=True, void=False), ReviewReward()) == reward
    assert reward_of(Stood(paid, "CNY", None, completed=False, void=False), ReviewReward()) == 0


def test_rewards_are_off_by_default_and_no_rule_speaks_of_stars() -> None:
    """SEC-010."""
    assert ReviewReward().enabled is False
    assert not any("star" in name for name in ReviewReward.model_fields)


def test_a_claim_is_decided_once() -> None:
    made = decide(claim("c1", "r1", "o1", 500, "CNY", ()), "li", approves=True)
    assert (made.state, made.by, made.revision, made.amount) == ("approved", "li", 2, 500)
    with pytest.raises(ClaimDecided):
        decide(made, "wu", approves=False)


def test_sec_012_what_one_person_may_not_grant_alone_another_approves() -> None:
    stands = claim("c", "r", "o", 500, "CNY", ())
    first = decide(stands, "li (key 1a2b3c4d)", approves=True, alone=False)
    assert (first.TYPE, first.state, first.proposed_by, first.by, first.revision) == (
        *("reward.claimed", "claimed", "li (key 1a2b3c4d)"),
        *(None, 2),
    )
    with pytest.raises(SecondPersonNeeded):
        decide(first, "wu (key 1a2b3c4d)", approves=True, alone=True)
    assert decide(first, "li", approves=False, alone=False).state == "refused", "who proposed it takes it back"
    second = decide(first, "wu", approves=True, alone=False)
    assert (second.state, second.proposed_by, second.by) == ("approved", "li (key 1a2b3c4d)", "wu")

"""Whether a referral is rewarded, and what speaks against it (MEM-087, MEM-088, SEC-014)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from membership.programme.referral import ReferralReward, ReferralRules
from membership.referrals.rules import Known, Surroundings, Verdict, judge, made_within, signals
from membership.referrals.traits import hashes

FRESH = Known("none", one_person=False, bought_before=False, counting=0, rounds=0)


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        (FRESH, Verdict("made")),
        (FRESH._replace(counting=1), Verdict("rewarded")),
        (FRESH._replace(counting=3, rounds=1), Verdict("rewarded")),
        (FRESH._replace(rounds=1), Verdict("reversed")),
        (FRESH._replace(decision="waiting", counting=1), Verdict("review")),
        (FRESH._replace(decision="passed", counting=1), Verdict("rewarded")),
        (FRESH._replace(decision="refused", counting=1), Verdict("refused", "by_hand")),
        (FRESH._replace(one_person=True, counting=1), Verdict("refused", "self_referral")),
        (FRESH._replace(bought_before=True, counting=1, rounds=1), Verdict("refused", "existing_customer")),
        (FRESH._replace(decision="waiting", bought_before=True), Verdict("refused", "existing_customer")),
        (FRESH._replace(first=False, counting=1, rounds=1), Verdict("refused", "another_referral")),
    ],
)
def test_a_referral_is_rewarded_while_an_order_of_a_new_customer_counts(known: Known, verdict: Verdict) -> None:
    """MEM-087: registered only, nothing; an order, both; refunded, taken back. MEM-088: only new customers."""
    assert judge(known) == verdict


@given(st.builds(Known, st.sampled_from(["none", "waiting", "passed", "refused"]), st.booleans(), st.booleans(),
                 st.integers(0, 3), st.integers(0, 3), st.booleans()))  # fmt: skip
def test_nothing_is_given_for_oneself_for_an_old_customer_or_against_a_person(known: Known) -> None:
    rewarded = judge(known).state == "rewarded"
    allowed = known.decision in ("none", "passed") and known.first
    allowed = allowed and not known.one_person and not known.bought_before
    assert rewarded == (allowed and known.counting > 0)


AROUND = Surroundings(of_referrer={}, of_referee={}, others={}, brought_by=(), in_a_day=0)


@pytest.mark.parametrize(
    ("around", "found"),
    [
        ({}, ()),
        ({"of_referee": {"device": {"h"}}}, ()),
        ({"of_referee": {"device": {"h"}}, "of_referrer": {"device": {"h", "i"}}}, ("same_device",)),
        ({"of_referee": {"payment": {"h"}}, "others": {"payment": 1}}, ()),
        ({"of_referee": {"payment": {"h"}}, "others": {"payment": 2}}, ("shared_payment",)),
        ({"of_referee": {"address": {"h"}}, "of_referrer": {"device": {"h"}}}, ()),
        ({"brought_by": {"x", "new"}}, ("ring",)),
        ({"in_a_day": 2}, ()),
        ({"in_a_day": 3}, ("velocity",)),
        ({"in_a_day": 9, "brought_by": {"new"}}, ("ring", "velocity")),
    ],
)
def test_what_speaks_against_a_referral(around: dict[str, Any], found: tuple[str, ...]) -> None:
    """SEC-014: rings, one device, means of payment or address, many a day."""
    assert signals(AROUND._replace(**around), ["new"], ReferralRules(a_day=3, shared_by=2)) == found


def test_many_a_day_are_those_before_within_24_hours() -> None:
    """SEC-014: looked at again later, a referral is judged by its own day."""
    at, hour = datetime(2025, 3, 20, tzinfo=UTC), timedelta(hours=1)
    made = [at - 24 * hour, at - 23 * hour, at - hour, at, at + hour]
    assert [made_within(made, when, 24 * hour) for when in (at, at + 2 * hour, at - 24 * hour)] == [2, 3, 0]


def test_traits_are_compared_by_hashes_of_one_shop() -> None:
    key = b"k" * 32
    one = hashes(key, "tea", {"device": "Pixel-7 ", "address": "pixel-7"})
    assert one["device"] == hashes(key, "tea", {"device": "pixel-7"})["device"]
    assert len({*one.values(), hashes(key, "pot", {"device": "pixel-7"})["device"]}) == 3
    assert "pixel" not in str(one)


@pytest.mark.parametrize(
    "reward",
    [
        {"form": "points"},
        {"form": "coupon", "points": 5},
        {"form": "none", "points": 5},
        {"form": "gift", "gift": "tea", "offer_id": "x"},
        {"points": 0},
    ],
)
def test_a_reward_is_one_thing(reward: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ReferralReward.model_validate(reward)

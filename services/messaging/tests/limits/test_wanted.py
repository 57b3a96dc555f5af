"""What a customer is better off without: the same again, promotions only, more than they bear, what they cannot use."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.conditions.rules import is_eligible
from messaging.conditions.state import Claim, Facts
from messaging.coupons.state import Coupon, best
from messaging.decisions.rules import decide
from messaging.limits.caps.state import Contacted
from messaging.limits.fatigue.rules import Fatigue, fatigue_score, too_tired
from messaging.limits.variety.rules import Variety, one_sided
from messaging.policy.state import DEFAULT_POLICY

from ..situations import TUESDAY_TEN, candidate, situation

DAY = timedelta(days=1)


def before(days: int, template: str = "win_back", kind: str = "promotion", **more: Any) -> Contacted:
    return replace(Contacted(TUESDAY_TEN - days * DAY, "marketing", "email", template, kind, f"x/{days}"), **more)


@pytest.mark.parametrize(
    ("flow", "so_far", "outcome"),
    [
        ("lapse", [before(13, "lapse")], ("suppress", "similar")),
        ("lapse", [before(14, "lapse")], ("send", "allowed")),
        ("lapse", [before(3, "wake_up")], ("send", "allowed")),
        ("tier", [before(1, "tier")], ("send", "allowed")),  # a greeting has an occasion of its own
        ("lapse", [before(n) for n in range(30, 34)], ("suppress", "mix")),
        ("lapse", [before(n) for n in range(30, 33)], ("send", "allowed")),
        ("lapse", [before(30, kind="greeting"), *(before(n) for n in range(31, 34))], ("send", "allowed")),
        ("tier", [before(n) for n in range(30, 34)], ("send", "allowed")),
        ("tier", [before(n) for n in range(20, 30)], ("suppress", "fatigue")),
        ("tier", [before(n) for n in range(30, 40)], ("send", "allowed")),
    ],
)
def test_the_same_again_promotions_only_and_more_than_they_bear(
    flow: str, so_far: list[Contacted], outcome: Any
) -> None:
    """MSG-010, MSG-011, MSG-012."""
    kind = "greeting" if flow == "tier" else "promotion"
    caps = DEFAULT_POLICY.caps.model_copy(update={"all_channels": 1000, "marketing_by_channel": {"email": 1000}})
    policy = DEFAULT_POLICY.model_copy(update={"caps": caps})
    about = situation(contacted=so_far, kind=kind, policy=policy)
    decision = decide(candidate(flow), about, TUESDAY_TEN)
    assert (decision.outcome, decision.reason) == outcome
    assert (decision.detail is not None) == (decision.outcome == "suppress")


def test_notices_are_never_too_many() -> None:
    """MSG-008."""
    about = situation(contacted=[before(n) for n in range(60)], kind="service")
    assert decide(candidate("order_shipped"), about, TUESDAY_TEN).outcome == "send"


def test_a_purchase_rests_the_customer_and_a_refusal_tires() -> None:
    """MSG-011."""
    so_far = [before(n) for n in range(1, 9)]
    assert fatigue_score(so_far, [], 0, TUESDAY_TEN) == 8
    assert fatigue_score(so_far, [], 1, TUESDAY_TEN) == 11
    assert fatigue_score(so_far, [TUESDAY_TEN - 3 * DAY - timedelta(hours=1)], 0, TUESDAY_TEN) == 3


def test_one_channel_is_enough_where_the_shop_says_so() -> None:
    """MSG-020: the first of the policy's channels goes, the others are superseded."""
    one = DEFAULT_POLICY.model_copy(update={"one_channel": True, "channels": ("email", "sms")})
    mine = candidate("lapse", channel="sms")
    sent = Contacted(TUESDAY_TEN - DAY, "marketing", "email", "lapse", "promotion", mine.said)
    decision = decide(mine, situation(contacted=[sent], policy=one, kind="promotion"), TUESDAY_TEN)
    assert (decision.outcome, decision.reason, decision.detail) == ("suppress", "superseded", "sent by email")
    both = decide(mine, situation(contacted=[sent], kind="promotion"), TUESDAY_TEN)
    assert both.outcome == "send"


COUPON = Coupon("A", "spring", TUESDAY_TEN - DAY, TUESDAY_TEN + DAY)


@pytest.mark.parametrize(
    ("claim", "facts", "eligible"),
    [
        ({"offer": "spring"}, {"coupons": [COUPON]}, True),
        ({"offer": "spring"}, {"coupons": [COUPON._replace(used_at=TUESDAY_TEN)]}, False),
        ({"offer": "spring"}, {"coupons": [COUPON._replace(valid_until=TUESDAY_TEN)]}, False),
        ({"offer": "summer"}, {"coupons": [COUPON]}, False),
        ({"sku": "tea"}, {"sold_out": {"tea"}}, False),
        ({"sku": "tea"}, {}, True),
        ({"tiers": ("VIP",)}, {"tier": "VIP"}, True),
        ({"tiers": ("VIP",)}, {"tier": "Senior"}, False),
        ({"tiers": ("VIP",)}, {}, False),
        ({}, {}, True),
    ],
)
def test_nobody_is_offered_what_they_cannot_use(claim: Any, facts: Any, eligible: bool) -> None:
    """MSG-056."""
    assert is_eligible(Claim(TUESDAY_TEN, **claim), Facts(**facts), TUESDAY_TEN) == eligible
    about = situation(eligible=eligible)
    assert (decide(candidate("lapse"), about, TUESDAY_TEN).reason == "not_eligible") == (not eligible)


def test_the_coupon_that_ends_first_is_named() -> None:
    later = COUPON._replace(code="B", valid_until=TUESDAY_TEN + 9 * DAY)
    assert best([later, COUPON], TUESDAY_TEN) == COUPON
    assert best([later, COUPON._replace(used_at=TUESDAY_TEN - DAY)], TUESDAY_TEN) == later
    assert best([], TUESDAY_TEN) is None


SENT = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from(["promotion", "greeting"])), max_size=30, unique_by=lambda s: s[0]
)


@given(SENT, st.integers(1, 20), st.integers(5, 20), st.integers(0, 100))
def test_no_course_of_messages_is_too_one_sided_or_too_dense(
    days: list[tuple[int, str]], limit: int, of_last: int, percent: int
) -> None:
    """Against a plain model: each message is asked about in its turn, and sent only where nothing speaks against it."""
    variety = Variety(most_promotions_percent=percent, of_last=of_last)
    fatigue = Fatigue(limit=limit, days_apart=30)
    sent: list[Contacted] = []
    for day, kind in sorted(days):
        at = datetime(2025, 1, 1, tzinfo=TUESDAY_TEN.tzinfo) + day * DAY
        score = fatigue_score(sent, [], 0, at)
        if one_sided(variety, sent, kind, "new", at) or too_tired(fatigue, score, sent, at):
            continue
        late = [c for c in sent if at - timedelta(days=180) < c.at]
        if kind == "promotion" and len(late[-(of_last - 1) :]) >= 4:
            window = [*late[-(of_last - 1) :], Contacted(at, "marketing", "email", "", kind)]
            assert sum(c.kind == "promotion" for c in window) * 100 <= percent * len(window)
        if len(late) >= limit:
            assert at - late[-1].at >= timedelta(days=30)
        sent.append(Contacted(at, "marketing", "email", "", kind, str(day)))

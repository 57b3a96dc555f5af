"""What raises the growth value and what lowers it (MEM-016)."""

from __future__ import annotations

from typing import Any

import pytest

from common.events.membership import BalancesChanged, MemberRegistered, TierChanged
from common.events.orders import OrderClosed
from membership.fold import balances
from membership.growth.state import ACTIVITIES, ORDER_GROWTH, Activity, Growth, OrderGrowth
from membership.ledger.legs import Leg, Posting
from membership.points.state import Points
from membership.programme.programme import GrowthRules, Programme, Tier
from membership.tiers.state import Tiers

from ..stories import (
    announced,
    checked_in,
    completed,
    event,
    fold,
    joined,
    legs,
    order,
    paid,
    place,
    redeemed,
    refund,
    review,
    taken_back,
)


@pytest.mark.parametrize(
    ("events", "value"),
    [
        ([paid("2025-01-01", "a", 10_000)], 0),
        ([completed("2025-01-01", "a", 99)], 0),
        ([completed("2025-01-01", "a", 100)], 1),
        ([completed("2025-01-01", "a", 9_999)], 99),
        ([completed("2025-01-01", "a", 60_000), completed("2025-01-02", "b", 10_000)], 700),
        ([completed("2025-01-01", "a", 10_000, currency="USD")], 0),
        ([completed("2025-01-01", "a", 10_000), refund("2025-01-02", "a", 1)], 99),
        ([completed("2025-01-01", "a", 10_000), refund("2025-01-02", "a", 10_000)], 0),
        ([refund("2025-01-01", "a", 4_000), completed("2025-01-02", "a", 10_000)], 60),
        ([completed("2025-01-01", "a", 10_000), refund("2025-01-02", None, 4_000)], 100),
        ([completed("2025-01-01", "a", 10_000), order(OrderClosed, "2025-01-02", "a", 10_000)], 0),
        ([completed("2025-01-01", "a", 10_000), completed("2025-01-02", "a", 12_000, revision=1)], 120),
        ([completed("2025-01-01", "a", 10_000), redeemed("2025-01-02", "r", 100)], 100),
        ([review("2025-01-01", "r", stars=1)], 20),
        ([review("2025-01-01", "r"), review("2025-01-02", "r"), review("2025-01-02", "s")], 40),
        ([joined("2025-01-01", "a"), joined("2025-01-02", "a"), joined("2025-01-02", "b")], 20),
        ([joined("2025-01-01", "a", "referral")], 50),
        ([joined("2025-01-01", "a"), joined("2025-01-01", "a", "referral")], 60),
        ([joined("2025-01-01", "a", "referral"), taken_back("2025-01-02", "a")], 0),
        ([joined("2025-01-01", "a", "referral"), taken_back("2025-01-02", "b")], 50),
        ([joined("2025-01-01", "a"), taken_back("2025-01-02", "a")], 10),
        ([joined("2025-01-01", "a"), taken_back("2025-01-02", "a", "activity")], 0),
        ([*[joined("2025-01-01", "a", "referral")] * 2, *[taken_back("2025-01-02", "a")] * 2], 0),
        (
            [
                joined("2025-01-01", "a-1", "referral"),
                taken_back("2025-01-02", "a-1"),
                joined("2025-01-03", "a-2", "referral"),
            ],
            50,
        ),
        ([checked_in("2025-01-01T00:00"), checked_in("2025-01-01T23:59:59")], 1),
        ([checked_in("2025-01-01T23:59:59"), checked_in("2025-01-02T00:00")], 2),
    ],
)
def test_growth_by_what_happened(events: list[Any], value: int) -> None:
    """1 per 1.00 paid whatever the tier; review 20, activity 10, referral 50; check-in 1 a day (MEM-046).

    MEM-016, MEM-053. A review earns the same whatever its stars: SEC-010 and C-12, as to rewards independent of these.
    """
    state, effects = fold(events, "2035-01-01")
    assert Growth.of(state).value == value
    assert legs(effects, "growth") == {
        key: amount for key, amount in balances(state).items() if key[0] in ("growth", "granted")
    }
    changes = announced(effects, BalancesChanged)
    assert sum(c.growth_change for c in changes) == value
    assert not changes or changes[-1].growth == value


def test_a_review_adds_growth_although_nothing_was_spent() -> None:
    """MEM-016, its test, and C-5; without a tier that growth leads to, no tier is touched."""
    state, effects = fold([completed("2025-01-01", "a", 100), review("2025-01-02", "r1", stars=1)])
    last = announced(effects, BalancesChanged)[-1]
    assert (last.growth, last.growth_change, last.reason, last.origin) == (21, 20, "review", "review/r1")
    assert (Points.of(state).available, announced(effects, TierChanged)) == (1, [])


def test_the_rate_is_that_of_the_programme_in_force_when_the_order_was_completed() -> None:
    programme = Programme(growth=GrowthRules(per_unit=3))
    state, effects = fold([completed("2025-01-01", "a", 3_333), refund("2025-01-02", "a", 1_111)], programme=programme)
    assert [c.growth for c in announced(effects, BalancesChanged)] == [99, 66]
    assert ORDER_GROWTH.get(state, "a") == OrderGrowth(held=66, rate=3)


def test_refunds_in_thirds_take_as_much_as_one_refund_of_all() -> None:
    """MEM-053: cumulative, never below zero."""
    events, left = [completed("2025-01-01", "a", 10_000)], []
    for day in (2, 3, 4, 5):
        events.append(refund(f"2025-01-0{day}", "a", 3_333))
        left.append(Growth.of(fold(events)[0]).value)
    assert left == [66, 33, 0, 0]


def test_where_members_register_nothing_is_earned_before() -> None:
    """As with points; the order itself counts for the tier at once."""
    programme = Programme(enrolment="registration")
    before = [completed("2025-01-01", "a", 60_000), review("2025-01-02", "r"), checked_in("2025-01-03")]
    after = [completed("2025-02-02", "b", 10_000), review("2025-02-03", "s"), review("2025-02-04", "r")]
    state, _ = fold([*before, event("2025-02-01", MemberRegistered()), *after], programme=programme)
    assert (Growth.of(state).value, place(Tiers.of(state).standing)) == (120, 1)


def test_a_tier_reached_by_a_friend_goes_with_the_friends_orders() -> None:
    """MEM-087: the tier is what it would be had the friend never come."""
    tiers = (Tier(name="Regular"), Tier(name="Senior", growth=50))
    events = [completed("2025-01-01", "o", 100), joined("2025-02-01", "f-1", "referral")]
    state, effects = fold([*events, taken_back("2025-03-01", "f-1")], programme=Programme(tiers=tiers))
    assert [(c.direction, c.reason) for c in announced(effects, TierChanged)] == [("up", "upgrade"), ("down", "refund")]
    assert (Growth.of(state).value, place(Tiers.of(state).standing)) == (1, 0)
    assert announced(effects, BalancesChanged)[-1].reason == "referral_reversed"


def test_growth_has_a_ledger_of_its_own_that_balances() -> None:
    """MEM-016, C-5."""
    events = [completed("2025-01-01", "o", 5_099), review("2025-01-02", "r"), joined("2025-01-03", "a")]
    state, effects = fold(events, programme=Programme(growth=GrowthRules(activity=0)))
    postings = [posting.legs for posting in announced(effects, Posting) if posting.book == "growth"]
    assert postings == [
        (Leg("growth", "order/o", 50), Leg("granted", "", -50)),
        (Leg("growth", "review/r", 20), Leg("granted", "", -20)),
    ]
    assert ACTIVITIES["review"].get(state, "r") == Activity(20)
    assert ACTIVITIES["activity"].get(state, "a") == Activity(0), "it counted, and earned nothing"

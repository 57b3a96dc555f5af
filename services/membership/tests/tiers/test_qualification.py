"""What leads to a tier: spend, orders, growth, points, a fast track, each at its boundary (MEM-015 to 021, C-4)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from common.events.membership import TierChanged
from membership.growth.state import Growth
from membership.orders.state import Order
from membership.points.state import Points
from membership.programme.programme import Programme, Tier
from membership.qualification.history import Reached
from membership.tiers.rules import tier_for
from membership.tiers.state import Tiers
from membership.tiers.windows import window_start

from ..stories import (
    Activity,
    announced,
    at,
    campaign,
    completed,
    fold,
    history,
    joined,
    lots,
    paid,
    place,
    redeemed,
    refund,
    review,
    rules,
    standing_order,
)


@pytest.mark.parametrize(
    ("amounts", "level", "rule"),
    [
        ([49_999], 0, None),
        ([50_000], 1, "spend"),
        ([100, 100, 0], 1, "orders"),
        ([20_000, 20_000, 10_000], 1, "spend and orders"),
        ([199_999], 1, "spend"),
        ([200_000], 2, "spend"),
        ([1] * 8, 2, "orders"),
        ([500_000], 3, "spend"),
        ([1] * 20, 3, "orders"),
    ],
)
def test_either_threshold_suffices_and_the_rule_is_announced(amounts: list[int], level: int, rule: str | None) -> None:
    """MEM-015, C-3, C-4."""
    state, effects = fold([completed(f"2025-01-{i + 1:02}", f"o{i}", a) for i, a in enumerate(amounts)])
    changes = announced(effects, TierChanged)
    assert place(Tiers.of(state).standing) == level
    assert (changes[-1].rule if changes else None) == rule


def test_the_window_is_twelve_months_rolling() -> None:
    inside, _ = fold([completed("2024-03-02", "a", 30_000), completed("2025-03-01", "b", 20_000)])
    outside, _ = fold([completed("2024-03-01", "a", 30_000), completed("2025-03-01", "b", 20_000)])
    assert (place(Tiers.of(inside).standing), place(Tiers.of(outside).standing)) == (1, 0)


@pytest.mark.parametrize(
    ("day", "goods", "level"),
    [
        ("2025-06-01T00:00", 30_000, 2),
        ("2025-05-31T23:59:59", 30_000, 0),
        ("2025-06-01", 30_000, 2),
        ("2025-06-30", 30_000, 2),
        ("2025-05-31", 30_000, 0),
        ("2025-07-01T00:00", 30_000, 0),
        ("2025-06-01", 29_999, 0),
    ],
)
def test_one_order_in_the_campaign_makes_a_vip_even_of_a_new_customer(day: str, goods: int, level: int) -> None:
    """MEM-019, MEM-021: the same spend outside the period is no upgrade."""
    programme = Programme(fast_tracks=(campaign(30_000),))
    state, effects = fold([completed(day, "a", goods)], programme=programme)
    assert place(Tiers.of(state).standing) == level
    assert [c.rule for c in announced(effects, TierChanged)] == ["fast track"] * (level > 0)
    refunded, _ = fold([completed(day, "a", goods), refund("2025-07-02", "a", 1)], programme=programme)
    assert place(Tiers.of(refunded).standing) == 0


def test_scheme_b_is_configuration_and_the_factor_follows() -> None:
    """MEM-013, MEM-036: multiplier 2, 100.00 at 1 point per 1.00 are 200 points."""
    names = ("Regular", "Silver", "Gold", "Diamond")
    tiers = (Tier(name=names[0]), *(Tier(name=n, orders=i, factor=20_000) for i, n in enumerate(names[1:], 1)))
    state, effects = fold(
        [completed("2025-01-01", "a", 100), completed("2025-01-02", "b", 10_000)], programme=Programme(tiers=tiers)
    )
    assert [c.new for c in announced(effects, TierChanged)] == ["Silver", "Gold"]
    assert lots(state)["b"].available == 200


FOUR = Programme(
    tiers=(
        Tier(name="Regular"),
        Tier(name="Senior", spend=50_000, orders=3, growth=600, points=700),
        Tier(name="VIP", spend=200_000, orders=8, growth=2_500, points=2_600),
    )
)


@pytest.mark.parametrize(
    ("reached", "level", "rule"),
    [
        (Reached(), 0, None),
        (Reached(spend=499_999), 0, None),
        (Reached(spend=500_000), 1, "spend"),
        (Reached(orders=2), 0, None),
        (Reached(orders=3), 1, "orders"),
        (Reached(growth=599), 0, None),
        (Reached(growth=600), 1, "growth"),
        (Reached(points=699), 0, None),
        (Reached(points=700), 1, "points"),
        (Reached(500_000, 3, 600, 700), 1, "spend and orders and growth and points"),
        (Reached(spend=1_999_999, orders=7, growth=2_499, points=2_599), 1, "spend and orders and growth and points"),
        (Reached(spend=500_000, points=2_600), 2, "points"),
        (Reached(spend=2_000_000, orders=3), 2, "spend"),
        (Reached(orders=8, growth=2_500), 2, "orders and growth"),
    ],
)
def test_each_of_the_four_inputs_suffices_and_the_highest_counts(
    reached: Reached, level: int, rule: str | None
) -> None:
    """C-4, MEM-015 to 017; spend in thousandths of 1.00."""
    assert tier_for(FOUR, 100, reached) == (level, rule)


@pytest.mark.parametrize(("unit", "below", "enough"), [(1, 499_999, 500_000), (100, 4_999, 5_000), (1_000, 499, 500)])
def test_a_threshold_is_in_minor_units_of_whatever_currency(unit: int, below: int, enough: int) -> None:
    """500 yen, 5.00 yuan, 0.500 dinar: the spend of the history is in thousandths."""
    programme = Programme(tiers=(Tier(name="A"), Tier(name="B", spend=500)))
    assert [tier_for(programme, unit, Reached(spend=s))[0] for s in (below, enough)] == [0, 1]


HISTORY = history(
    standing_order("2025-01-01", 100),
    standing_order("2025-01-02", 200),
    standing_order("2025-01-02", 700),
    standing_order("2025-01-03", 1_600),
    standing_order("2025-01-02", 9_000, state="closed"),
    Order(goods=5_000),
    Activity(at("2025-01-02"), 20),
    Activity(at("2024-01-01"), 3),
)


@pytest.mark.parametrize(
    ("start", "end", "before", "through"),
    [
        ("2025-01-01", "2025-01-01", (0, 0, 3, 0), (1_000, 1, 4, 1)),
        ("2025-01-01", "2025-01-02", (1_000, 1, 4, 1), (10_000, 3, 33, 10)),
        ("2025-01-01T12:00:01", "2025-01-02", (0, 0, 4, 0), (9_000, 2, 33, 9)),
        ("2025-01-02", "2025-01-03", (9_000, 2, 33, 9), (25_000, 3, 49, 25)),
        ("2025-01-03", "2025-01-01", (0, 0, 3, 0), (0, 0, 4, 0)),
        ("2020-01-01", "2030-01-01", (26_000, 4, 49, 26), (26_000, 4, 49, 26)),
        ("2020-01-01", "2023-01-01", (0, 0, 0, 0), (0, 0, 0, 0)),
    ],
)
def test_a_window_has_its_first_instant_and_its_last_only_where_it_is_through(
    start: str, end: str, before: tuple[int, ...], through: tuple[int, ...]
) -> None:
    """Spend, orders and points of the window; the growth value at its end, whenever it was earned."""
    assert HISTORY.before(at(start), at(end), "CNY") == before
    assert HISTORY.through(at(start), at(end), "CNY") == through


def test_the_orders_of_an_instant() -> None:
    """MEM-019, MEM-026; a closed order counts for nothing, one not completed neither."""
    days = ("2025-01-01", "2025-01-02", "2025-01-04")
    assert [[order.spend for order in HISTORY.completed_at(at(day))] for day in days] == [
        [1_000],
        [2_000, 7_000, 0],
        [],
    ]


@pytest.mark.parametrize(
    ("now", "months", "first"),
    [
        ("2025-03-01T00:00", 12, "2024-03-02T00:00"),
        ("2025-02-28T23:59:59", 12, "2024-02-29T00:00"),
        ("2024-02-29", 12, "2023-03-01T00:00"),
        ("2025-03-31", 1, "2025-03-01T00:00"),
        ("2025-01-31", 120, "2015-02-01T00:00"),
    ],
)
def test_the_window_begins_at_midnight_of_the_day_after_the_same_date(now: str, months: int, first: str) -> None:
    assert window_start(rules(), Programme(window_months=months), at(now), at(now)) == at(first)


BY_GROWTH = Programme(tiers=(Tier(name="Regular"), Tier(name="Senior", growth=100), Tier(name="VIP", growth=150)))


def test_a_review_lifts_a_member_whose_growth_leads_to_tiers() -> None:
    """MEM-016: tiers may be driven by the growth value."""
    events = [completed("2025-01-01", "a", 8_000), review("2025-02-01", "r1")]
    before, _ = fold([completed("2025-01-01", "a", 7_999), review("2025-02-01", "r1")], programme=BY_GROWTH)
    after, effects = fold(events, programme=BY_GROWTH)
    assert (
        Growth.of(before).value,
        place(Tiers.of(before).standing),
        Growth.of(after).value,
        place(Tiers.of(after).standing),
    ) == (99, 0, 100, 1)
    assert (announced(effects, TierChanged)[-1].rule, Tiers.of(after).standing.since) == ("growth", date(2025, 2, 1))


def test_growth_never_expires_so_its_tier_is_renewed_for_ever() -> None:
    state, effects = fold([completed("2025-01-01", "a", 10_000)], "2030-01-03", BY_GROWTH)
    assert (place(Tiers.of(state).standing), {c.reason for c in announced(effects, TierChanged)}) == (
        1,
        {"upgrade", "renewal"},
    )


def test_a_refund_takes_the_tier_that_its_growth_had_made_as_if_it_had_never_been() -> None:
    """MEM-053: growth value is taken back, and with it the tier that came of it (MEM-016)."""
    events = [completed("2025-01-01", "a", 10_000), joined("2025-02-01", "j"), completed("2025-03-01", "b", 4_000)]
    made, _ = fold(events, programme=BY_GROWTH)
    left, effects = fold([*events, refund("2025-04-01", "a", 5_000)], programme=BY_GROWTH)
    assert (Growth.of(made).value, place(Tiers.of(made).standing), Tiers.of(made).standing.since) == (
        150,
        2,
        date(2025, 3, 1),
    )
    assert (Growth.of(left).value, place(Tiers.of(left).standing), Tiers.of(left).standing.since) == (
        100,
        1,
        date(2025, 3, 1),
    )
    assert (announced(effects, TierChanged)[-1].reason, announced(effects, TierChanged)[-1].direction) == (
        "refund",
        "down",
    )


def test_after_a_refund_the_tier_is_what_activities_make_of_it() -> None:
    events = [
        completed("2025-01-01", "a", 5_000),
        joined("2025-02-01", "j", "referral"),
        completed("2025-03-01", "b", 10_000),
    ]
    state, _ = fold([*events, refund("2025-04-01", "b", 10_000)], programme=BY_GROWTH)
    assert (Growth.of(state).value, place(Tiers.of(state).standing), Tiers.of(state).standing.since) == (
        100,
        1,
        date(2025, 2, 1),
    )


BY_POINTS = Programme(
    tiers=(Tier(name="Regular"), Tier(name="Senior", points=100, factor=20_000), Tier(name="VIP", points=300))
)


@pytest.mark.parametrize(
    ("events", "level"),
    [
        ([completed("2025-01-01", "a", 9_999)], 0),
        ([completed("2025-01-01", "a", 10_000)], 1),
        ([completed("2025-01-01", "a", 10_000), completed("2025-01-02", "b", 9_999)], 1),
        ([completed("2025-01-01", "a", 10_000), completed("2025-01-02", "b", 10_000)], 2),
        ([completed("2025-01-01", "a", 10_000), completed("2025-01-02", "b", 10_000), refund("2025-01-03", "b", 1)], 1),
        ([completed("2024-01-01", "a", 9_900), completed("2025-01-01", "b", 100)], 0),
        ([completed("2024-01-02", "a", 9_900), completed("2025-01-01", "b", 100)], 1),
        ([completed("2025-01-01", "a", 9_900), review("2025-01-02", "r")], 0),
    ],
)
def test_points_earned_in_the_window_lead_to_tiers(events: list[Any], level: int) -> None:
    """MEM-017, C-4: with the factor of the tier held, refunds taken off, of twelve months; reviews earn none."""
    state, _ = fold(events, programme=BY_POINTS)
    assert place(Tiers.of(state).standing) == level


def test_points_that_were_spent_have_been_earned_all_the_same() -> None:
    """MEM-017."""
    events = [completed("2025-01-01", "a", 9_000), redeemed("2025-01-02", "x", 90), completed("2025-01-03", "b", 1_000)]
    state, _ = fold(events, programme=BY_POINTS)
    assert (place(Tiers.of(state).standing), Points.of(state).available) == (1, 10)


@pytest.mark.parametrize(
    ("paid_on", "done_on", "level"), [("2025-06-30", "2025-07-08", 2), ("2025-05-31", "2025-06-08", 0)]
)
def test_a_fast_track_is_evaluated_by_the_payment_and_granted_at_completion(
    paid_on: str, done_on: str, level: int
) -> None:
    """MEM-019: bought within the campaign and confirmed after it counts; bought before it and confirmed within not."""
    events = [paid(paid_on, "a", 30_000), completed(done_on, "a", 30_000)]
    state, _ = fold(events, programme=Programme(fast_tracks=(campaign(30_000),)))
    assert place(Tiers.of(state).standing) == level
    waiting, _ = fold(events[:1], programme=Programme(fast_tracks=(campaign(30_000),)))
    assert place(Tiers.of(waiting).standing) == 0


@pytest.mark.parametrize(
    ("days", "refunded", "level"),
    [
        (("2025-06-01T00:00", "2025-06-30T23:59"), 0, 2),
        (("2025-05-31T23:59", "2025-06-30T23:59"), 0, 0),
        (("2025-06-01T00:00", "2025-07-01T00:00"), 0, 0),
        (("2025-06-10", "2025-06-11"), 1, 0),
        (("2025-06-10", "2025-06-10"), 0, 2),
    ],
)
def test_a_campaign_may_count_all_its_orders_together(days: tuple[str, str], refunded: int, level: int) -> None:
    """MEM-019: 150.00 twice within it are 300.00, of which no order alone has enough."""
    programme = Programme(fast_tracks=(campaign(30_000).model_copy(update={"of": "total"}),))
    events = [completed(day, f"o{n}", 15_000) for n, day in enumerate(days)]
    events += [refund("2025-07-02", "o0", refunded)] if refunded else []
    state, _ = fold(events, programme=programme)
    assert place(Tiers.of(state).standing) == level
    assert place(Tiers.of(fold(events[:1], programme=programme)[0]).standing) == 0

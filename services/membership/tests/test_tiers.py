"""Which tier comes of which orders, and when is it lost? Row by row, at every boundary (MEM-012, C-4)."""

from __future__ import annotations

from datetime import UTC, date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from common.events.membership import MemberEnrolled, MemberRegistered, TierChanged
from common.fold import fold_all
from membership.domain.ledger import balances
from membership.domain.membership import MemberFolding
from membership.domain.programme import Programme, ShopRules, Tier, Version
from membership.domain.state import Deed, Order, Standing
from membership.domain.tiers import History, Reached, standing_of, tier_for, window_start

from .stories import (
    CUSTOMER,
    SHOP,
    at,
    campaign,
    completed,
    event,
    fold,
    joined,
    redeemed,
    refund,
    review,
    rules,
    told,
)


@pytest.mark.parametrize(
    ("day", "level", "grace", "until"),
    [
        ("2025-02-28", 2, None, date(2026, 2, 28)),
        ("2026-02-28T23:59:59", 2, None, date(2026, 2, 28)),
        ("2026-03-01T00:00", 2, date(2026, 3, 30), date(2026, 2, 28)),
        ("2026-03-30T23:59:59", 2, date(2026, 3, 30), date(2026, 2, 28)),
        ("2026-03-31T00:00", 1, None, date(2027, 3, 31)),
        ("2027-03-31T23:59:59", 1, None, date(2027, 3, 31)),
        ("2027-04-01T00:00", 1, date(2027, 4, 30), date(2027, 3, 31)),
        ("2027-04-30T23:59:59", 1, date(2027, 4, 30), date(2027, 3, 31)),
        ("2027-05-01T00:00", 0, None, None),
        ("2037-05-01T00:00", 0, None, None),
    ],
)
def test_vip_by_one_order_falls_step_by_step_as_in_the_example(
    day: str, level: int, grace: date | None, until: date | None
) -> None:
    """defaults.md, row "example"."""
    state, _ = fold([completed("2025-02-28", "o1", 200_000)], day)
    assert (state.standing.level, state.standing.grace, state.standing.until) == (level, grace, until)


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
def test_either_threshold_suffices_and_the_rule_is_told(amounts: list[int], level: int, rule: str | None) -> None:
    """MEM-015, C-3, C-4."""
    state, effects = fold([completed(f"2025-01-{i + 1:02}", f"o{i}", a) for i, a in enumerate(amounts)])
    changes = told(effects, TierChanged)
    assert state.standing.level == level
    assert (changes[-1].rule if changes else None) == rule


def test_the_window_is_twelve_months_rolling() -> None:
    inside, _ = fold([completed("2024-03-02", "a", 30_000), completed("2025-03-01", "b", 20_000)])
    outside, _ = fold([completed("2024-03-01", "a", 30_000), completed("2025-03-01", "b", 20_000)])
    assert (inside.standing.level, outside.standing.level) == (1, 0)


def test_a_term_begun_on_29_february_ends_on_28() -> None:
    state, _ = fold([completed("2024-02-29", "a", 50_000)])
    assert state.standing.until == date(2025, 2, 28)


def test_still_qualified_at_review_is_twelve_months_more() -> None:
    events = [completed("2025-02-28", "a", 200_000), completed("2025-06-01", "b", 200_000)]
    state, effects = fold(events, "2026-03-01T00:00")
    assert state.standing == Standing(
        level=2, since=date(2026, 2, 28), until=date(2027, 2, 28), due=at("2027-03-01T00:00").astimezone(UTC)
    )
    assert [c.reason for c in told(effects, TierChanged)] == ["upgrade", "renewal"]


def test_what_happens_at_the_very_instant_of_the_review_comes_after_it() -> None:
    events = [completed("2025-02-28", "a", 200_000), completed("2026-03-01T00:00", "b", 200_000)]
    state, effects = fold([*events, completed("2026-03-02", "c", 100), refund("2026-03-03", "c", 100)])
    assert [c.reason for c in told(effects, TierChanged)] == ["upgrade", "grace", "renewal"]
    assert (state.standing.level, state.standing.until) == (2, date(2027, 3, 1))


def test_qualifying_again_in_grace_renews_from_that_day() -> None:
    events = [completed("2025-02-28", "a", 200_000), completed("2026-03-15", "b", 200_000)]
    state, effects = fold(events)
    assert (state.standing.level, state.standing.grace, state.standing.until) == (2, None, date(2027, 3, 15))
    assert [c.reason for c in told(effects, TierChanged)] == ["upgrade", "grace", "renewal"]


@pytest.mark.parametrize(
    ("policy", "level", "until"),
    [("one_down", 2, date(2027, 3, 31)), ("justified", 1, date(2027, 3, 31)), ("none", 3, date(2027, 2, 28))],
)
def test_downgrade_policies(policy: Any, level: int, until: date) -> None:
    events = [completed("2025-02-28", "a", 500_000), completed("2025-05-01", "b", 50_000)]
    state, _ = fold(events, "2026-04-01", Programme(downgrade=policy))
    assert (state.standing.level, state.standing.until) == (level, until)


def test_a_refund_is_judged_at_once_without_grace() -> None:
    events = [completed("2025-01-01", "a", 60_000), completed("2025-02-01", "b", 140_000)]
    before, _ = fold(events)
    after, effects = fold([*events, refund("2025-03-01", "b", 140_000)])
    assert (before.standing.level, after.standing.level) == (2, 1)
    assert after.standing.until == date(2026, 1, 1)
    last = told(effects, TierChanged)[-1]
    assert (last.old, last.new, last.reason, last.direction, last.in_grace) == (
        "VIP",
        "Senior",
        "refund",
        "down",
        False,
    )


def test_an_order_refunded_whole_counts_for_nothing() -> None:
    events = [completed(f"2025-01-0{i}", f"o{i}", 100) for i in (1, 2, 3)]
    part, _ = fold([*events, refund("2025-02-01", "o2", 99)])
    whole, _ = fold([*events, refund("2025-02-01", "o2", 100)])
    assert (part.standing.level, whole.standing.level) == (1, 0)


def test_a_refund_that_comes_before_its_order_waits_for_it() -> None:
    late = fold([completed("2025-01-02", "a", 60_000), refund("2025-01-03", "a", 20_000)])[0]
    early = fold([refund("2025-01-01", "a", 20_000), completed("2025-01-02", "a", 60_000)])[0]
    assert (early.available, early.standing.level) == (late.available, late.standing.level) == (400, 0)


@pytest.mark.parametrize(
    ("day", "goods", "level"),
    [
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
    assert state.standing.level == level
    assert [c.rule for c in told(effects, TierChanged)] == ["fast track"] * (level > 0)
    refunded, _ = fold([completed(day, "a", goods), refund("2025-07-02", "a", 1)], programme=programme)
    assert refunded.standing.level == 0


def test_scheme_b_is_configuration_and_the_factor_follows() -> None:
    """MEM-013, MEM-036: multiplier 2, 100.00 at 1 point per 1.00 are 200 points."""
    names = ("Regular", "Silver", "Gold", "Diamond")
    tiers = (Tier(name=names[0]), *(Tier(name=n, orders=i, factor=20_000) for i, n in enumerate(names[1:], 1)))
    state, effects = fold([completed("2025-01-01", "a", 100), completed("2025-01-02", "b", 10_000)],
                          programme=Programme(tiers=tiers))  # fmt: skip
    assert [c.new for c in told(effects, TierChanged)] == ["Silver", "Gold"]
    assert state.lots["b"].available == 200


def test_registration_makes_a_member_before_any_order() -> None:
    """MEM-010."""
    programme = Programme(enrolment="registration")
    events = [completed("2025-01-01", "a", 60_000), event("2025-02-01", MemberRegistered(source="poster"))]
    state, effects = fold([*events, completed("2025-03-01", "b", 10_000)], programme=programme)
    assert (told(effects, MemberEnrolled)[0].enrolled_at, state.standing.level) == (at("2025-02-01"), 1)
    assert balances(state) == {("available", "b"): 120, ("issued", ""): -120}


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


def _order(when: str, goods: int = 100, **more: Any) -> Order:
    earned = 0 if more.get("closed") else goods // 100
    return Order(goods=goods, completed=at(when), revision=0, held=earned, growth=earned, **more)


HISTORY = History(
    [_order("2025-01-01", 100), _order("2025-01-02", 200), _order("2025-01-02", 700), _order("2025-01-03", 1_600),
     _order("2025-01-02", 9_000, closed=True), Order(goods=5_000)],
    [Deed(at("2025-01-02"), 20), Deed(at("2024-01-01"), 3)],
)  # fmt: skip


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
    assert HISTORY.before(at(start), at(end)) == before
    assert HISTORY.through(at(start), at(end)) == through


def test_the_largest_order_of_an_instant_and_all_that_was_ever_paid() -> None:
    """MEM-019, MEM-026; a closed order counts for nothing, one not completed neither."""
    assert [HISTORY.largest(at(day)) for day in ("2025-01-01", "2025-01-02", "2025-01-04")] == [1_000, 7_000, 0]
    assert HISTORY.ever == 26_000


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
    assert window_start(rules(), Programme(window_months=months), at(now)) == at(first)


def test_an_order_too_small_to_rise_leaves_the_term_as_it_is() -> None:
    state, effects = fold([completed("2025-01-01", "a", 50_000), completed("2025-06-01", "b", 60_000)])
    assert (state.standing.until, len(told(effects, TierChanged))) == (date(2026, 1, 1), 1)


def test_rising_in_grace_is_an_upgrade_and_not_a_renewal() -> None:
    events = [completed("2025-01-01", "a", 50_000), completed("2026-01-15", "b", 200_000)]
    state, effects = fold(events)
    assert [c.reason for c in told(effects, TierChanged)] == ["upgrade", "grace", "upgrade"]
    assert (state.standing.level, state.standing.until) == (2, date(2027, 1, 15))


def test_reaching_less_than_the_tier_in_grace_does_not_renew_it() -> None:
    state, _ = fold([completed("2025-01-01", "a", 200_000), completed("2026-01-15", "b", 60_000)], "2026-01-20")
    assert (state.standing.level, state.standing.grace) == (2, date(2026, 1, 31))


@pytest.mark.parametrize(
    ("days", "day", "level"),
    [(0, "2026-01-01T23:59:59", 1), (0, "2026-01-02T00:00", 0), (1, "2026-01-02T23:59:59", 1), (1, "2026-01-03", 0)],
)
def test_grace_lasts_whole_days_and_none_where_there_is_none(days: int, day: str, level: int) -> None:
    state, _ = fold([completed("2025-01-01", "a", 50_000)], day, Programme(grace_days=days))
    assert state.standing.level == level


def test_the_term_is_as_long_as_the_programme_says() -> None:
    state, _ = fold([completed("2025-01-31", "a", 50_000)], programme=Programme(term_months=1))
    assert (state.standing.until, state.standing.due) == (date(2025, 2, 28), at("2025-03-01T00:00"))


def _versions(*programmes: tuple[str, Programme]) -> ShopRules:
    versions = [Version(at(day), number, p) for number, (day, p) in enumerate(programmes, 1)]
    return ShopRules(ZoneInfo("Asia/Shanghai"), "CNY", versions)


def _folded(shop: ShopRules, events: list[Any], until: str) -> tuple[Standing, list[TierChanged]]:
    state, steps, _ = fold_all(MemberFolding({SHOP: shop}), events, at(until), (SHOP, CUSTOMER))
    return state.standing, told([effect for step in steps for effect in step.effects], TierChanged)


def test_a_review_may_lift_where_the_thresholds_were_lowered_meanwhile() -> None:
    low = Programme(tiers=(Tier(name="Regular"), Tier(name="Senior", orders=1), Tier(name="VIP", orders=2)))
    shop = _versions(("2025-07-01", low))
    orders = [completed("2025-01-01", "a", 50_000), completed("2025-02-01", "b", 1), completed("2025-03-01", "c", 1)]
    standing, changes = _folded(shop, orders, "2026-01-03")
    assert (standing.level, standing.since, changes[-1].reason) == (2, date(2026, 1, 1), "upgrade")


def test_a_level_above_a_shorter_ladder_is_reviewed_as_its_top() -> None:
    short = Programme(tiers=(Tier(name="Regular"), Tier(name="Friend", orders=1)))
    shop = _versions(("2025-07-01", short))
    kept, _ = _folded(shop, [completed("2025-01-01", "a", 500_000), completed("2025-08-01", "b", 1)], "2026-01-03")
    lost, _ = _folded(shop, [completed("2025-01-01", "a", 500_000)], "2026-02-05")
    renewed, _ = _folded(shop, [completed("2025-01-01", "a", 500_000), completed("2026-01-10", "b", 1)], "2026-01-11")
    assert (kept.level, lost.level, renewed.level, renewed.since) == (1, 0, 1, date(2026, 1, 10))


def test_a_policy_of_no_downgrade_that_comes_in_grace_saves_the_tier() -> None:
    shop = _versions(("2026-01-10", Programme(downgrade="none")))
    standing, changes = _folded(shop, [completed("2025-01-01", "a", 50_000)], "2026-02-02")
    assert (standing.level, standing.since) == (1, date(2026, 2, 1))
    assert [c.reason for c in changes] == ["upgrade", "grace", "renewal"]


def test_a_downgrade_to_what_is_justified_goes_down_at_least_one() -> None:
    """Justified by the rolling window, which may reach further back than the term did."""
    programme = Programme(downgrade="justified", window_months=36, grace_days=0)
    state, effects = fold([completed("2025-01-01", "a", 500_000)], "2026-01-02", programme)
    assert (state.standing.level, told(effects, TierChanged)[-1].rule) == (2, "spend")


@pytest.mark.parametrize(("until", "level", "grace"), [("2026-01-01T23:59:59", 1, None), ("2026-01-02T00:00", 1, True)])
def test_what_falls_due_at_the_very_instant_of_a_refund_is_done_before_it(
    until: str, level: int, grace: bool | None
) -> None:
    standing = standing_of(History([_order("2025-01-01", 50_000)]), at("2025-01-01"), rules(), at(until))
    assert (standing.level, standing.grace is not None) == (level, bool(grace))


BY_GROWTH = Programme(tiers=(Tier(name="Regular"), Tier(name="Senior", growth=100), Tier(name="VIP", growth=150)))


def test_a_review_lifts_a_member_whose_growth_leads_to_tiers() -> None:
    """MEM-016: tiers may be driven by the growth value."""
    events = [completed("2025-01-01", "a", 8_000), review("2025-02-01", "r1")]
    before, _ = fold([completed("2025-01-01", "a", 7_999), review("2025-02-01", "r1")], programme=BY_GROWTH)
    after, effects = fold(events, programme=BY_GROWTH)
    assert (before.growth, before.standing.level, after.growth, after.standing.level) == (99, 0, 100, 1)
    assert (told(effects, TierChanged)[-1].rule, after.standing.since) == ("growth", date(2025, 2, 1))


def test_growth_never_expires_so_its_tier_is_renewed_for_ever() -> None:
    state, effects = fold([completed("2025-01-01", "a", 10_000)], "2030-01-03", BY_GROWTH)
    assert (state.standing.level, {c.reason for c in told(effects, TierChanged)}) == (1, {"upgrade", "renewal"})


def test_a_refund_takes_the_tier_that_its_growth_had_made_as_if_it_had_never_been() -> None:
    events = [completed("2025-01-01", "a", 10_000), joined("2025-02-01", "j"), completed("2025-03-01", "b", 4_000)]
    made, _ = fold(events, programme=BY_GROWTH)
    left, effects = fold([*events, refund("2025-04-01", "a", 5_000)], programme=BY_GROWTH)
    assert (made.growth, made.standing.level, made.standing.since) == (150, 2, date(2025, 3, 1))
    assert (left.growth, left.standing.level, left.standing.since) == (100, 1, date(2025, 3, 1))
    assert (told(effects, TierChanged)[-1].reason, told(effects, TierChanged)[-1].direction) == ("refund", "down")


def test_after_a_refund_the_tier_is_what_deeds_make_of_it() -> None:
    events = [
        completed("2025-01-01", "a", 5_000),
        joined("2025-02-01", "j", "referral"),
        completed("2025-03-01", "b", 10_000),
    ]
    state, _ = fold([*events, refund("2025-04-01", "b", 10_000)], programme=BY_GROWTH)
    assert (state.growth, state.standing.level, state.standing.since) == (100, 1, date(2025, 2, 1))


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
    assert state.standing.level == level


def test_points_that_were_spent_have_been_earned_all_the_same() -> None:
    events = [completed("2025-01-01", "a", 9_000), redeemed("2025-01-02", "x", 90), completed("2025-01-03", "b", 1_000)]
    state, _ = fold(events, programme=BY_POINTS)
    assert (state.standing.level, state.available) == (1, 10)

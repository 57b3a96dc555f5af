"""How long a tier is held and what comes after: term, review, grace, downgrade, refund, row by row (MEM-012)."""

from __future__ import annotations

from datetime import UTC, date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from common.events.membership import MemberEnrolled, MemberRegistered, TierChanged
from common.fold.folding import fold_all
from common.shops.settings import ShopSettings
from membership.fold import MemberFolding
from membership.points.books import balances
from membership.points.state import Points
from membership.programme.programme import Programme, Tier
from membership.programme.versions import ShopRules, Version
from membership.tiers.rules import Marks, standing_of
from membership.tiers.state import Standing, Tiers

from ..stories import (
    CUSTOMER,
    SHOP,
    announced,
    at,
    completed,
    event,
    fold,
    history,
    place,
    refund,
    rules,
    standing_order,
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
    """By the default programme."""
    state, _ = fold([completed("2025-02-28", "o1", 200_000)], day)
    assert (place(Tiers.of(state).standing), Tiers.of(state).standing.grace, Tiers.of(state).standing.until) == (
        level,
        grace,
        until,
    )


def test_a_term_begun_on_29_february_ends_on_28() -> None:
    state, _ = fold([completed("2024-02-29", "a", 50_000)])
    assert Tiers.of(state).standing.until == date(2025, 2, 28)


def test_still_qualified_at_review_is_twelve_months_more() -> None:
    events = [completed("2025-02-28", "a", 200_000), completed("2025-06-01", "b", 200_000)]
    state, effects = fold(events, "2026-03-01T00:00")
    assert Tiers.of(state).standing == Standing(
        tier="vip",
        since=date(2026, 2, 28),
        until=date(2027, 2, 28),
        due=at("2027-03-01T00:00").astimezone(UTC),
        anchor=28,
    )
    assert [c.reason for c in announced(effects, TierChanged)] == ["upgrade", "renewal"]


def test_what_happens_at_the_very_instant_of_the_review_comes_after_it() -> None:
    events = [completed("2025-02-28", "a", 200_000), completed("2026-03-01T00:00", "b", 200_000)]
    state, effects = fold([*events, completed("2026-03-02", "c", 100), refund("2026-03-03", "c", 100)])
    assert [c.reason for c in announced(effects, TierChanged)] == ["upgrade", "grace", "renewal"]
    assert (place(Tiers.of(state).standing), Tiers.of(state).standing.until) == (2, date(2027, 3, 1))


def test_qualifying_again_in_grace_renews_from_that_day() -> None:
    events = [completed("2025-02-28", "a", 200_000), completed("2026-03-15", "b", 200_000)]
    state, effects = fold(events)
    assert (place(Tiers.of(state).standing), Tiers.of(state).standing.grace, Tiers.of(state).standing.until) == (
        2,
        None,
        date(2027, 3, 15),
    )
    assert [c.reason for c in announced(effects, TierChanged)] == ["upgrade", "grace", "renewal"]


@pytest.mark.parametrize(
    ("policy", "level", "until"),
    [("one_down", 2, date(2027, 3, 31)), ("justified", 1, date(2027, 3, 31)), ("none", 3, date(2027, 2, 28))],
)
def test_downgrade_policies(policy: Any, level: int, until: date) -> None:
    events = [completed("2025-02-28", "a", 500_000), completed("2025-05-01", "b", 50_000)]
    state, _ = fold(events, "2026-04-01", Programme(downgrade=policy))
    assert (place(Tiers.of(state).standing), Tiers.of(state).standing.until) == (level, until)


def test_a_refund_is_evaluated_at_once_without_grace() -> None:
    """MEM-022: old and new tier, and the reason."""
    events = [completed("2025-01-01", "a", 60_000), completed("2025-02-01", "b", 140_000)]
    before, _ = fold(events)
    after, effects = fold([*events, refund("2025-03-01", "b", 140_000)])
    assert (place(Tiers.of(before).standing), place(Tiers.of(after).standing)) == (2, 1)
    assert Tiers.of(after).standing.until == date(2026, 1, 1)
    last = announced(effects, TierChanged)[-1]
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
    assert (place(Tiers.of(part).standing), place(Tiers.of(whole).standing)) == (1, 0)


def test_a_refund_that_comes_before_its_order_waits_for_it() -> None:
    """MEM-053: earned points are taken back, whichever of the two comes first."""
    late = fold([completed("2025-01-02", "a", 60_000), refund("2025-01-03", "a", 20_000)])[0]
    early = fold([refund("2025-01-01", "a", 20_000), completed("2025-01-02", "a", 60_000)])[0]
    assert (
        (Points.of(early).available, place(Tiers.of(early).standing))
        == (Points.of(late).available, place(Tiers.of(late).standing))
        == (400, 0)
    )


def test_registration_makes_a_member_before_any_order() -> None:
    """MEM-010."""
    programme = Programme(enrolment="registration")
    events = [completed("2025-01-01", "a", 60_000), event("2025-02-01", MemberRegistered(source="poster"))]
    state, effects = fold([*events, completed("2025-03-01", "b", 10_000)], programme=programme)
    assert (announced(effects, MemberEnrolled)[0].enrolled_at, place(Tiers.of(state).standing)) == (at("2025-02-01"), 1)
    assert balances(state) == {("available", "b"): 120, ("issued", ""): -120}


def test_an_order_too_small_to_rise_leaves_the_term_as_it_is() -> None:
    state, effects = fold([completed("2025-01-01", "a", 50_000), completed("2025-06-01", "b", 60_000)])
    assert (Tiers.of(state).standing.until, len(announced(effects, TierChanged))) == (date(2026, 1, 1), 1)


def test_rising_in_grace_is_an_upgrade_and_not_a_renewal() -> None:
    events = [completed("2025-01-01", "a", 50_000), completed("2026-01-15", "b", 200_000)]
    state, effects = fold(events)
    assert [c.reason for c in announced(effects, TierChanged)] == ["upgrade", "grace", "upgrade"]
    assert (place(Tiers.of(state).standing), Tiers.of(state).standing.until) == (2, date(2027, 1, 15))


def test_reaching_less_than_the_tier_in_grace_does_not_renew_it() -> None:
    state, _ = fold([completed("2025-01-01", "a", 200_000), completed("2026-01-15", "b", 60_000)], "2026-01-20")
    assert (place(Tiers.of(state).standing), Tiers.of(state).standing.grace) == (2, date(2026, 1, 31))


@pytest.mark.parametrize(
    ("days", "day", "level"),
    [(0, "2026-01-01T23:59:59", 1), (0, "2026-01-02T00:00", 0), (1, "2026-01-02T23:59:59", 1), (1, "2026-01-03", 0)],
)
def test_grace_lasts_whole_days_and_none_where_there_is_none(days: int, day: str, level: int) -> None:
    state, _ = fold([completed("2025-01-01", "a", 50_000)], day, Programme(grace_days=days))
    assert place(Tiers.of(state).standing) == level


def test_the_term_is_as_long_as_the_programme_says() -> None:
    state, _ = fold([completed("2025-01-31", "a", 50_000)], programme=Programme(term_months=1))
    assert (Tiers.of(state).standing.until, Tiers.of(state).standing.due) == (date(2025, 2, 28), at("2025-03-01T00:00"))


def _versions(*programmes: tuple[str, Programme]) -> ShopRules:
    versions = [Version(at(day), number, p) for number, (day, p) in enumerate(programmes, 1)]
    return ShopRules(ShopSettings.always(ZoneInfo("Asia/Shanghai")), versions)


def _folded(shop: ShopRules, events: list[Any], until: str) -> tuple[Standing, list[TierChanged]]:
    state, steps, _ = fold_all(MemberFolding({SHOP: shop}), events, at(until), (SHOP, CUSTOMER))
    return Tiers.of(state).standing, announced([effect for step in steps for effect in step.effects], TierChanged)


def test_a_review_may_lift_where_the_thresholds_were_lowered_meanwhile() -> None:
    low = Programme(tiers=(Tier(name="Regular"), Tier(name="Senior", orders=1), Tier(name="VIP", orders=2)))
    shop = _versions(("2025-07-01", low))
    orders = [completed("2025-01-01", "a", 50_000), completed("2025-02-01", "b", 1), completed("2025-03-01", "c", 1)]
    standing, changes = _folded(shop, orders, "2026-01-03")
    assert (place(standing), standing.since, changes[-1].reason) == (2, date(2026, 1, 1), "upgrade")


def test_a_level_above_a_shorter_ladder_is_reviewed_as_its_top() -> None:
    short = Programme(tiers=(Tier(name="Regular"), Tier(name="Friend", orders=1)))
    shop = _versions(("2025-07-01", short))
    kept, _ = _folded(shop, [completed("2025-01-01", "a", 500_000), completed("2025-08-01", "b", 1)], "2026-01-03")
    lost, _ = _folded(shop, [completed("2025-01-01", "a", 500_000)], "2026-02-05")
    renewed, _ = _folded(shop, [completed("2025-01-01", "a", 500_000), completed("2026-01-10", "b", 1)], "2026-01-11")
    assert (place(kept), place(lost), place(renewed), renewed.since) == (1, 0, 1, date(2026, 1, 10))


def test_a_policy_of_no_downgrade_that_comes_in_grace_saves_the_tier() -> None:
    shop = _versions(("2026-01-10", Programme(downgrade="none")))
    standing, changes = _folded(shop, [completed("2025-01-01", "a", 50_000)], "2026-02-02")
    assert (place(standing), standing.since) == (1, date(2026, 2, 1))
    assert [c.reason for c in changes] == ["upgrade", "grace", "renewal"]


def test_a_downgrade_to_what_is_justified_goes_down_at_least_one() -> None:
    """Justified by the rolling window, which may reach further back than the term did."""
    programme = Programme(downgrade="justified", window_months=36, grace_days=0)
    state, effects = fold([completed("2025-01-01", "a", 500_000)], "2026-01-02", programme)
    assert (place(Tiers.of(state).standing), announced(effects, TierChanged)[-1].rule) == (2, "spend")


@pytest.mark.parametrize(("until", "level", "grace"), [("2026-01-01T23:59:59", 1, None), ("2026-01-02T00:00", 1, True)])
def test_what_falls_due_at_the_very_instant_of_a_refund_is_done_before_it(
    until: str, level: int, grace: bool | None
) -> None:
    only = standing_order("2025-01-01", 50_000)
    standing = standing_of(history(only), Marks(), at("2025-01-01"), rules(), at(until))
    assert (place(standing), standing.grace is not None) == (level, bool(grace))


def test_in_grace_a_ladder_of_one_tier_for_everybody_ends_the_term() -> None:
    shop = _versions(("2026-01-10", Programme(tiers=(Tier(name="Everybody"),))))
    standing, changes = _folded(
        shop, [completed("2025-01-01", "a", 50_000), completed("2026-01-15", "b", 1)], "2026-01-20"
    )
    assert (place(standing), standing.grace, [c.reason for c in changes]) == (
        0,
        None,
        ["upgrade", "grace", "programme"],
    )

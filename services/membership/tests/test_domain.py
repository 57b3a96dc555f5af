"""Do the rules of defaults.md hold, row by row? Tables of orders and what must come of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from common.events import Event, EventData
from common.events.membership import (
    MemberEnrolled,
    MemberRegistered,
    PointsRedeemed,
    RedemptionReturned,
    TierChanged,
)
from common.events.orders import OrderClosed, OrderCompleted, OrderPaid, OrderRefunded
from common.fold import Effect, fold_all
from membership.domain.ledger import Posting, balances
from membership.domain.membership import MemberFolding
from membership.domain.points.redemption import most_points, worth
from membership.domain.programme import (
    REGULAR,
    SENIOR,
    SUPREME,
    VIP,
    FastTrack,
    PointsRules,
    Programme,
    ShopRules,
    Tier,
    Version,
)
from membership.domain.state import MemberState, Standing

SHOP, CUSTOMER = "tea", "c1"
LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
_count = iter(range(10**9))


def rules(programme: Programme | None = None, currency: str = "CNY") -> ShopRules:
    versions = [Version(LONG_AGO, 1, programme)] if programme else []
    return ShopRules(ZoneInfo("Asia/Shanghai"), currency, versions)


def at(text: str) -> datetime:
    """Shop time; noon where no time of day is given."""
    return datetime.fromisoformat(text if "T" in text else text + "T12:00").replace(tzinfo=ZoneInfo("Asia/Shanghai"))


def event(when: str, data: EventData) -> Event[Any]:
    return Event(str(next(_count)), "/shops/tea/test", SHOP, CUSTOMER, at(when).astimezone(UTC), data)


def order(kind: type[Any], when: str, name: str, goods: int, **more: Any) -> Event[Any]:
    state = {"OrderPaid": "paid", "OrderCompleted": "completed", "OrderClosed": "closed"}[kind.__name__]
    more = {"currency": "CNY", **more}
    return event(when, kind(order_id=name, state=state, goods_paid=goods, **more))


def completed(when: str, name: str, goods: int, **more: Any) -> Event[Any]:
    return order(OrderCompleted, when, name, goods, **more)


def paid(when: str, name: str, goods: int, **more: Any) -> Event[Any]:
    return order(OrderPaid, when, name, goods, **more)


def refund(when: str, name: str | None, amount: int) -> Event[Any]:
    data = OrderRefunded(refund_id=f"r{next(_count)}", order_id=name, amount=amount, currency="CNY")
    return event(when, data)


def redeemed(when: str, name: str, points: int, order_id: str | None = None) -> Event[Any]:
    data = PointsRedeemed(redemption_id=name, points=points, order_id=order_id, worth=points, currency="CNY")
    return event(when, data)


def campaign(spend: int) -> FastTrack:
    return FastTrack(tier="VIP", spend=spend, start=at("2025-06-01T00:00"), end=at("2025-07-01T00:00"))


def fold(
    events: list[Event[Any]], until: str | None = None, programme: Programme | None = None
) -> tuple[MemberState, list[Effect]]:
    folding = MemberFolding({SHOP: rules(programme)})
    state, steps, _ = fold_all(folding, events, at(until) if until else None, (SHOP, CUSTOMER))
    return state, [effect for step in steps for effect in step.effects]


def told(effects: list[Effect], kind: type[Any]) -> list[Any]:
    return [e.data for e in effects if isinstance(e.data, kind)]


def legs(effects: list[Effect]) -> dict[tuple[str, str], int]:
    sums: dict[tuple[str, str], int] = {}
    for posting in told(effects, Posting):
        assert sum(leg.amount for leg in posting.legs) == 0
        for leg in posting.legs:
            sums[leg.account, leg.lot] = sums.get((leg.account, leg.lot), 0) + leg.amount
    return {key: amount for key, amount in sums.items() if amount}


# -- tiers


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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spend": 200_000}, "must ask for less"),
        ({"tier": "Regular"}, "spend threshold"),
        ({"tier": "Gold"}, "spend threshold"),
        ({"end": at("2025-06-01T00:00")}, "must end after"),
    ],
)
def test_a_fast_track_must_be_faster(change: dict[str, Any], message: str) -> None:
    """MEM-019: fast < normal."""
    with pytest.raises(ValidationError, match=message):
        Programme(fast_tracks=(FastTrack(**{**dict(campaign(30_000)), **change}),))


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


@pytest.mark.parametrize(
    ("tiers", "message"),
    [
        ((SENIOR,), "no threshold"),
        ((REGULAR, Tier(name="Senior")), "needs a threshold"),
        ((REGULAR, VIP, SENIOR), "thresholds must rise"),
        ((REGULAR, SENIOR, Tier(name="VIP", spend=60_000, orders=2)), "thresholds must rise"),
        ((REGULAR, SENIOR, Tier(name="VIP", spend=60_000, price=9_900)), "worse price"),
        ((REGULAR, SENIOR, Tier(name="Senior", spend=60_000, price=9_000)), "same name"),
    ],
)
def test_a_programme_that_contradicts_itself_is_refused(tiers: tuple[Tier, ...], message: str) -> None:
    """MEM-028: a higher tier has not a worse price."""
    with pytest.raises(ValidationError, match=message):
        Programme(tiers=tiers)


# -- points


@pytest.mark.parametrize(
    ("goods", "factor", "points"),
    [(9_990, 15_000, 149), (9_999, 12_000, 119), (99, 10_000, 0), (100, 10_000, 1), (10_000, 20_000, 200)],
)
def test_points_are_the_floor_of_paid_times_factor(goods: int, factor: int, points: int) -> None:
    """MEM-044, defaults.md row "points"."""
    programme = Programme(tiers=(Tier(name="Regular", factor=factor),))
    state, _ = fold([completed("2025-01-01", "a", goods)], programme=programme)
    assert state.available == points


def test_the_factor_is_that_of_the_tier_held_before_the_order() -> None:
    state, _ = fold([completed("2025-01-01", "a", 200_000), completed("2025-01-02", "b", 9_990)])
    assert (state.lots["a"].available, state.lots["b"].available) == (2_000, 149)


def test_points_are_pending_until_the_order_is_completed() -> None:
    waiting, _ = fold([paid("2025-01-01", "a", 10_000)])
    done, effects = fold([paid("2025-01-01", "a", 10_000), completed("2025-01-09", "a", 10_000)])
    assert (waiting.pending, waiting.available, done.pending, done.available) == (100, 0, 0, 100)
    assert told(effects, MemberEnrolled)[0].enrolled_at == at("2025-01-09")


def test_a_closed_order_takes_its_pending_points_along() -> None:
    state, effects = fold([paid("2025-01-01", "a", 10_000), order(OrderClosed, "2025-01-02", "a", 10_000)])
    assert (state.pending, state.available, state.lots) == (0, 0, {})
    assert legs(effects) == {("issued", ""): -100, ("reversed", ""): 100}


def test_the_higher_revision_counts_for_amounts_whatever_its_time() -> None:
    state, _ = fold([paid("2025-01-01", "a", 9_000, revision=7), completed("2025-01-02", "a", 8_000, revision=3)])
    assert state.available == 90


def test_a_closing_that_an_older_version_tells_does_not_close_a_newer_order() -> None:
    newer = completed("2025-01-02", "a", 10_000, revision=5)
    stale, _ = fold([newer, order(OrderClosed, "2025-01-03", "a", 10_000, revision=4)])
    newest, _ = fold([newer, order(OrderClosed, "2025-01-03", "a", 10_000, revision=6)])
    assert (stale.available, newest.available) == (100, 0)


def test_points_redeemed_on_an_order_that_was_closed_before_come_back_at_once() -> None:
    events = [completed("2025-01-01", "a", 10_000), order(OrderClosed, "2025-01-02", "b", 10_000)]
    state, _ = fold([*events, redeemed("2025-01-03", "r", 80, "b")])
    assert (state.available, state.redemptions["r"].returned) == (100, 80)


@pytest.mark.parametrize(("day", "left"), [("2026-03-31T23:59:59", 100), ("2026-04-01T00:00", 0), ("2030-01-01", 0)])
def test_points_of_5_march_2025_are_gone_at_1_april_2026(day: str, left: int) -> None:
    state, _ = fold([completed("2025-03-05", "a", 10_000)], day)
    assert (state.available, state.expired) == (left, 100 - left)


def test_refunding_99_99_at_factor_1_2_in_thirds_takes_40_40_39() -> None:
    programme = Programme(tiers=(Tier(name="Regular", factor=12_000),))
    events, left = [completed("2025-01-01", "a", 9_999)], []
    for day in (2, 3, 4, 5):
        left.append(fold(events, programme=programme)[0].available)
        events.append(refund(f"2025-01-0{day}", "a", 3_333))
    assert left == [119, 79, 39, 0]
    assert fold(events, programme=programme)[0].available == 0


def test_what_a_refund_does_not_find_is_debt_and_later_points_settle_it() -> None:
    events = [completed("2025-01-01", "a", 10_000), redeemed("2025-01-02", "r", 70), refund("2025-01-03", "a", 10_000)]
    state, effects = fold(events)
    assert (state.available, state.debt) == (0, 70)
    assert legs(effects) == {key: amount for key, amount in balances(state).items()}
    later, _ = fold([*events, completed("2025-01-04", "b", 10_000)])
    assert (later.available, later.debt) == (30, 0)


def test_clamped_at_zero_nothing_is_owed() -> None:
    programme = Programme(points=PointsRules(clamp_at_zero=True))
    events = [completed("2025-01-01", "a", 10_000), redeemed("2025-01-02", "r", 70), refund("2025-01-03", "a", 10_000)]
    state, _ = fold(events, programme=programme)
    assert (state.available, state.debt) == (0, 0)


def test_a_refund_takes_from_its_own_lot_first_then_from_the_soonest_to_expire() -> None:
    events = [completed(f"2025-0{m}-05", name, 10_000) for m, name in ((1, "a"), (2, "b"), (3, "c"))]
    state, _ = fold([*events, redeemed("2025-03-10", "r", 150), refund("2025-03-11", "c", 10_000)])
    # "c" is the third order: Senior by then only for what comes after it, so every lot held 100.
    assert {name: lot.available for name, lot in state.lots.items()} == {"b": 50}
    state, _ = fold([*events, redeemed("2025-03-10", "r", 250), refund("2025-03-11", "c", 10_000)])
    assert (state.lots, state.debt) == ({}, 50)


def test_soonest_expiry_burns_first_of_equals_the_oldest_lot() -> None:
    events = [completed("2025-01-20", "new", 10_000), completed("2025-01-05", "old", 10_000)]
    state, _ = fold([*events, redeemed("2025-02-01", "r", 130)])
    assert [(b.lot, b.points) for b in state.redemptions["r"].burns] == [("old", 100), ("new", 30)]


def test_redeemed_points_come_back_pro_rata_last_burnt_first_with_their_old_expiry() -> None:
    events = [
        completed("2025-01-05", "a", 10_000),
        completed("2025-02-05", "b", 10_000),
        redeemed("2025-03-01", "r", 150, "c"),
        paid("2025-03-01T13:00", "c", 30_000, redemption_id="r"),
        refund("2025-03-02", "c", 10_000),
    ]
    state, _ = fold(events)
    assert (state.redemptions["r"].returned, state.lots["b"].available) == (50, 100)
    state, _ = fold([*events, refund("2025-03-03", "c", 20_000)])
    assert {n: (lot.available, lot.expires) for n, lot in state.lots.items()} == {
        "a": (100, at("2026-02-01T00:00")),
        "b": (100, at("2026-03-01T00:00")),
    }


def test_returned_points_last_at_least_seven_days() -> None:
    events = [completed("2025-01-05", "a", 10_000), redeemed("2026-01-30", "r", 60)]
    back = event("2026-01-31", RedemptionReturned(redemption_id="r"))
    state, _ = fold([*events, back])
    assert {n: (lot.available, lot.expires) for n, lot in state.lots.items()} == {
        "a": (40, at("2026-02-01T00:00")),
        "a|20260207T160000": (60, at("2026-02-08T00:00")),
    }


def test_a_promise_is_kept_when_late_news_takes_the_points() -> None:
    """MEM-052, architecture section 2 point 4: the redemption stands, what is missing is debt."""
    events = [completed("2025-01-05", "a", 10_000), redeemed("2025-01-10", "r", 100)]
    state, _ = fold([*events, refund("2025-01-07", "a", 10_000)])
    assert (state.available, state.debt, state.redeemed) == (0, 100, 100)
    back, _ = fold([*events, refund("2025-01-07", "a", 10_000),
                    event("2025-01-11", RedemptionReturned(redemption_id="r"))])  # fmt: skip
    assert (back.available, back.debt, back.redeemed) == (0, 0, 0)


def test_another_currency_counts_as_an_order_but_earns_nothing() -> None:
    state, _ = fold([completed("2025-01-01", "a", 900_000, currency="JPY")])
    assert (state.available, state.standing.level, state.enrolled is not None) == (0, 0, True)


@pytest.mark.parametrize(
    ("total", "currency", "most"), [(10_000, "CNY", 5_000), (9_999, "CNY", 4_999), (300, "JPY", 15_000)]
)
def test_at_most_half_of_an_order_is_paid_with_points(total: int, currency: str, most: int) -> None:
    """MEM-052; 100 points are worth 1.00."""
    assert most_points(total, PointsRules(), currency) == most
    assert worth(most, PointsRules(), currency) <= total // 2


def test_what_equals_its_default_is_not_stored_and_comes_back() -> None:
    state, _ = fold([paid("2025-01-01", "a", 10_000)])
    stored = state.model_dump_json(exclude_defaults=True)
    assert MemberState.model_validate_json(stored) == state
    assert "redemptions" not in stored
    assert MemberState().orders is not MemberState().orders
    assert SUPREME.price < VIP.price

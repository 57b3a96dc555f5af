"""Quotas by calendar, birthdays, early access, uses and their orders (MEM-029 to 037, T-4.13, C-7)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from common.events import Event
from common.events.membership import BenefitCommitted, BenefitReleased, BenefitReserved, BenefitUsed
from common.events.orders import OrderClosed
from common.fold.folding import fold_all
from membership.benefits.rules import birthday_in, birthday_near, opens_at, quota_on
from membership.benefits.state import ORDER_USES, Benefits
from membership.fold import MemberFolding
from membership.member import Member
from membership.programme.benefits import Benefit, free_shipping
from membership.programme.programme import Programme, Tier

from ..stories import CUSTOMER, SHOP, announced, completed, event, fold, order, paid, refund, rules

TIERS = {tier.id: tier for tier in Programme().tiers}
LONG_AGO = date(2020, 1, 1)


def benefit_of(tier: str, kind: str = "free_shipping") -> Benefit:
    found = TIERS[tier].benefit(kind)
    assert found is not None
    return found


def reserved(when: str, order_id: str, kind: str = "free_shipping") -> Event[Any]:
    return event(when, BenefitReserved(benefit=kind, order_id=order_id, day=date.fromisoformat(when[:10])))


def released(when: str, order_id: str) -> Event[Any]:
    return event(when, BenefitReleased(benefit="free_shipping", order_id=order_id))


def status(member: Member, order_id: str) -> str:
    made = ORDER_USES.get(member, order_id)
    assert made is not None
    return made.uses["free_shipping"].status


@pytest.mark.parametrize(
    ("tier", "january_to_march", "year"), [("regular", 1, 4), ("senior", 2, 6), ("vip", 3, 12), ("supreme", 6, 24)]
)
def test_free_shipping_uses_of_a_quarter_and_a_year_are_the_sources(
    tier: str, january_to_march: int, year: int
) -> None:
    """T-4.13, MEM-029 to 032: whoever takes every use that there is."""
    made, benefit, uses = Benefits(), benefit_of(tier), []
    for day in (date(2025, 1, 1) + timedelta(days=n) for n in range(365)):
        while quota_on(benefit, made, day, LONG_AGO).remaining:
            made.count("free_shipping", day, 1)
            uses.append(day)
    assert (sum(day < date(2025, 4, 1) for day in uses), len(uses)) == (january_to_march, year)


@pytest.mark.parametrize(
    ("used", "day", "remaining"),
    [
        ("2025-01-01", "2025-03-31", 0),
        ("2025-03-31", "2025-04-01", 1),
        ("2024-12-31", "2025-01-01", 1),
        ("2025-05-01", "2025-04-01", 0),
    ],
)
def test_a_quarter_is_of_the_calendar_and_does_not_roll(used: str, day: str, remaining: int) -> None:
    """MEM-029: a second use in the same quarter is refused; on the next one's first day it is 1 again."""
    made = Benefits()
    made.count("free_shipping", date.fromisoformat(used), 1)
    found = quota_on(benefit_of("regular"), made, date.fromisoformat(day), LONG_AGO)
    assert found.remaining == remaining


@pytest.mark.parametrize(
    ("used", "tier", "day", "remaining"),
    [
        ("2025-01-10", "vip", "2025-01-20", 0),  # used as Regular: the new quota of January counts it
        ("2025-01-10", "vip", "2025-02-01", 1),
        ("2025-02-10", "regular", "2025-03-01", 0),  # used as Senior: a lower tier's quarter counts it
        ("2025-01-10", "supreme", "2025-01-20", 1),
    ],
)
def test_another_tiers_quota_counts_the_uses_made_already(used: str, tier: str, day: str, remaining: int) -> None:
    """C-7."""
    made = Benefits()
    made.count("free_shipping", date.fromisoformat(used), 1)
    assert quota_on(benefit_of(tier), made, date.fromisoformat(day), LONG_AGO).remaining == remaining


@pytest.mark.parametrize(
    ("carry_over", "since", "carried"),
    [(0, LONG_AGO, 0), (1, LONG_AGO, 1), (5, LONG_AGO, 2), (5, date(2025, 2, 1), 0), (5, date(2025, 1, 31), 2)],
)
def test_unused_uses_are_carried_over_only_where_the_programme_says_so(
    carry_over: int, since: date, carried: int
) -> None:
    """MEM-033: no carry-over unless configured, nor from a period in which nobody was a member yet."""
    benefit = Benefit(kind="free_shipping", uses=2, months=1, carry_over=carry_over)
    found = quota_on(benefit, Benefits(), date(2025, 2, 10), since)
    assert (found.carried, found.remaining) == (carried, 2 + carried)


@pytest.mark.parametrize(
    ("year", "leap_day", "expected"),
    [
        (2024, "feb_28", date(2024, 2, 29)),
        (2025, "feb_28", date(2025, 2, 28)),
        (2025, "mar_1", date(2025, 3, 1)),
        (2100, "feb_28", date(2100, 2, 28)),
        (2000, "mar_1", date(2000, 2, 29)),
    ],
)
def test_the_birthday_of_29_february_has_a_day_in_every_year(year: int, leap_day: Any, expected: date) -> None:
    """MEM-055."""
    assert birthday_in(year, 2, 29, leap_day) == expected


@pytest.mark.parametrize(
    ("today", "on"),
    [
        ("2025-12-27", None),
        ("2025-12-28", "2025-12-31"),
        ("2025-12-31", "2025-12-31"),
        ("2026-01-02", "2025-12-31"),
        ("2026-01-03", None),
    ],
)
def test_days_around_a_birthday_may_cross_the_year_and_belong_to_one_birthday(today: str, on: str | None) -> None:
    benefit = Benefit(kind="birthday_gift", days_before=3, days_after=2)
    found = birthday_near((12, 31), date.fromisoformat(today), benefit, "feb_28")
    assert found == (date.fromisoformat(on) if on else None)


def test_members_have_a_head_start_and_nobody_else_has() -> None:
    """MEM-037: higher tiers earlier."""
    start = datetime(2025, 6, 1, tzinfo=UTC)
    opens = [opens_at(start, tier.benefit("early_access")) for tier in Programme().tiers]
    assert [(start - at) // timedelta(hours=1) for at in opens] == [0, 12, 24, 48]
    assert opens_at(start, None) == start


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"kind": "free_shipping"}, "needs a quota"),
        ({"kind": "free_return", "uses": 2}, "needs both"),
        ({"kind": "free_return", "uses": 2, "months": 5}, "Input should be"),
        ({"kind": "free_return", "carry_over": 1}, "carried over"),
        ({"kind": "early_access"}, "head start"),
        ({"kind": "lounge", "hours": 3}, "head start"),
        ({"kind": "lounge", "days_before": 3}, "around a birthday"),
        ({"kind": "birthday_gift", "uses": 2}, "once a birthday"),
        ({"kind": "jet"}, "Input should be"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Benefit.model_validate(given)


def test_a_tier_gives_a_kind_of_benefit_once() -> None:
    with pytest.raises(ValidationError, match="twice"):
        Tier(name="Regular", benefits=(free_shipping(1, 3), free_shipping(2, 3)))


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([paid("2025-01-02", "a", 100)], "reserved"),
        ([completed("2025-01-02", "a", 100)], "committed"),
        ([order(OrderClosed, "2025-01-02", "a", 100)], "released"),
        (
            [order(OrderClosed, "2025-01-02", "a", 100, shipped_at=datetime(2025, 1, 2, tzinfo=UTC))],
            "committed",
        ),
        ([paid("2025-01-02", "a", 100), refund("2025-01-03", "a", 100)], "released"),
        ([completed("2025-01-02", "a", 100), refund("2025-01-03", "a", 100)], "committed"),
        ([paid("2025-01-02", "a", 100), refund("2025-01-03", "a", 50)], "reserved"),
        ([released("2025-01-02", "a"), completed("2025-01-03", "a", 100)], "released"),
        (
            [event("2025-01-02", BenefitCommitted(benefit="free_shipping", order_id="a")), released("2025-01-03", "a")],
            "committed",
        ),
    ],
)
def test_a_use_follows_its_order(events: list[Event[Any]], expected: str) -> None:
    """MEM-033: reserved at the order, committed at shipment, given back on cancel."""
    member, effects = fold([reserved("2025-01-01", "a"), *events])
    made = Benefits.of(member)
    assert status(member, "a") == expected
    assert (made.standing, made.committed) == (int(expected != "released"), int(expected == "committed"))
    assert made.used == ({"free_shipping@2025-01": 1} if expected != "released" else {})
    facts = announced(effects, BenefitUsed)
    assert [fact.status for fact in facts] == ["reserved"] + ([expected] if expected != "reserved" else [])


def test_a_use_reserved_on_an_order_that_late_news_closed_before_is_given_back() -> None:
    member, _ = fold([order(OrderClosed, "2025-01-01", "a", 100), reserved("2025-01-02", "a")])
    assert (status(member, "a"), Benefits.of(member).used) == ("released", {})


def test_months_that_nothing_looks_at_any_more_are_forgotten() -> None:
    made = Benefits()
    for month in range(120):
        made.count("free_shipping", date(2015 + month // 12, month % 12 + 1, 5), 1)
    assert (len(made.used), made.standing) == (26, 120)


_KINDS = ["reserve", "release", "commit", "close", "complete"]


def _modelled(done: list[tuple[str, str]]) -> dict[str, str]:
    """What the steps make of each order's use: a dictionary and no more."""
    uses: dict[str, str] = {}
    ended: dict[str, str] = {}
    for what, name in done:
        if what == "reserve" and uses.get(name, "released") == "released":
            uses[name] = {"complete": "committed", "close": "released"}.get(ended.get(name, ""), "reserved")
        elif what in ("close", "complete"):
            ended.setdefault(name, what)  # the test sends one end an order
        if what != "reserve" and uses.get(name) == "reserved":
            uses[name] = "committed" if what in ("commit", "complete") else "released"
    return uses


@given(
    st.lists(st.tuples(st.sampled_from(_KINDS), st.sampled_from(["a", "b", "c"])), min_size=1, max_size=20),
    st.randoms(use_true_random=False),
)
def test_uses_are_what_a_plain_model_makes_of_them_in_any_order_of_arrival(
    steps: list[tuple[str, str]], random: Any
) -> None:
    done, events, seen = list[tuple[str, str]](), [], set[str]()
    for number, (what, name) in enumerate(steps):
        if what in ("close", "complete"):
            if name in seen:
                continue
            seen.add(name)
        when = f"2025-01-01T{number:02}:00"
        made = {
            "reserve": lambda w, n: reserved(w, n),
            "release": lambda w, n: released(w, n),
            "commit": lambda w, n: event(w, BenefitCommitted(benefit="free_shipping", order_id=n)),
            "close": lambda w, n: order(OrderClosed, w, n, 100),
            "complete": lambda w, n: completed(w, n, 100),
        }[what](when, name)
        events.append(made)
        done.append((what, name))
    expected = _modelled(done)
    random.shuffle(events)
    folding = MemberFolding({SHOP: rules()})
    member, _, _ = fold_all(folding, events, None, (SHOP, CUSTOMER))
    assert {name: status(member, name) for name in expected} == expected
    standing = sum(value != "released" for value in expected.values())
    assert Benefits.of(member).standing == sum(Benefits.of(member).used.values()) == standing

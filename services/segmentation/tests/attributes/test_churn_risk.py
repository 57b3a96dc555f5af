"""The churn warning: a customer against the customer's own baseline (SEG-015)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from common.events.segments import ChurnRiskEnded, ChurnRiskRaised
from segmentation.attributes.churn_risk import rules
from segmentation.attributes.churn_risk.rules import Baseline
from segmentation.purchases.state import Purchases
from segmentation.thresholds.state import ChurnRules

from ..histories import at, facts, fold, order, purchases, shop, version

RULES = ChurnRules()
START = date(2025, 1, 1)


def bought(gaps: list[int], paid: list[int] | None = None) -> Purchases:
    """Orders on the first day and after each gap, of 100.00 each unless said otherwise."""
    days = [START + timedelta(days=sum(gaps[:n])) for n in range(len(gaps) + 1)]
    amounts = paid or [10_000] * len(days)
    made = purchases([order(day.isoformat(), amount) for day, amount in zip(days, amounts, strict=True)], [])
    made.buying_days, made.first_day = len(days), days[0]
    return made


def warned(gaps: list[int], silent: int, paid: list[int] | None = None) -> Any:
    today = START + timedelta(days=sum(gaps) + silent)
    return rules.signals(rules.baseline(bought(gaps, paid), today, "CNY", RULES), silent, RULES)


@pytest.mark.parametrize(
    ("name", "gaps", "silent", "paid", "expected"),
    [
        ("stable", [10] * 6, 10, None, ((), None)),
        ("one day before twice the gap", [10] * 6, 19, None, ((), None)),
        ("twice the gap", [10] * 6, 20, None, (("silence",), "weak")),
        ("thrice", [10] * 6, 30, None, (("silence",), "strong")),
        ("no warning any more", [10] * 6, 60, None, ((), None)),
        ("not within a week, however often", [1] * 6, 6, None, ((), None)),
        ("warned of after a week, however often", [1] * 6, 7, None, (("silence",), "weak")),
        ("graver a day later", [1] * 6, 8, None, (("silence",), "strong")),
        ("lost some days after that", [1] * 6, 11, None, ((), None)),
        ("half the frequency, within a week", [1] * 9 + [2, 2], 0, None, ((), None)),
        ("half the frequency, a week and more", [3] * 9 + [7, 7], 0, None, (("frequency",), "weak")),
        ("the frequency halves", [10] * 4 + [20, 20], 0, None, (("frequency",), "weak")),
        ("it falls by less", [10] * 4 + [20, 19], 0, None, ((), None)),
        ("the frequency doubles", [20] * 4 + [10, 10], 0, None, ((), None)),
        ("orders worth half", [10] * 4, 0, [100, 100, 100, 50, 50], (("order_value",), "weak")),
        ("orders worth a little more", [10] * 4, 0, [100, 100, 100, 50, 51], ((), None)),
        ("both", [10] * 4 + [20, 20], 0, [90] * 5 + [40] * 2, (("frequency", "order_value"), "strong")),
        ("too few for a habit", [10, 10], 50, None, ((), None)),
        ("too long ago for one", [100] * 4, 300, None, ((), None)),
    ],
)
def test_seg_015_against_the_own_baseline(
    name: str, gaps: list[int], silent: int, paid: list[int] | None, expected: Any
) -> None:
    assert warned(gaps, silent, paid) == expected, name


def test_orders_in_another_currency_make_gaps_and_no_value() -> None:
    """SEG-015, C2: nothing is converted, so they say nothing of what orders are worth."""
    days = [START + timedelta(days=10 * n) for n in range(8)]
    for francs in (2, 8):
        made = Purchases(buying_days=8, first_day=days[0], last_day=days[-1])
        for n, day in enumerate(days):
            made.add("CHF" if n >= 8 - francs else "CNY", day, 1, 10_000)
        of = rules.baseline(made, days[-1], "CNY", RULES)
        assert (of.days, of.gaps, of.falling) == (70, 7, ())


@given(st.integers(1, 400), st.integers(1, 8), st.integers(101, 300), st.integers(1, 60))
def test_a_warning_is_put_off_and_never_taken_away(days: int, gaps: int, percent: int, least: int) -> None:
    odd = ChurnRules(gap_percent=percent, grave_percent=percent + 1, over_percent=percent + 2, least_days=least)
    warned, grave, over = rules.borders(Baseline(days, gaps), odd)
    assert least <= warned < grave < over
    assert over <= days * (percent + 2) // (100 * gaps) + least + 3


@given(st.integers(1, 60), st.integers(0, 400))
def test_the_borders_are_the_days_on_which_it_changes(gap: int, days: int) -> None:
    of = Baseline(4 * gap + 1, 4)
    changed = rules.silence(of, days, RULES) != rules.silence(of, days - 1, RULES)
    assert changed == (days in rules.borders(of, RULES))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=15), st.integers(1, 5))
def test_a_habit_on_another_scale_of_money_is_the_same(gaps: list[int], factor: int) -> None:
    paid = [1_000 + 137 * n % 900 for n in range(len(gaps) + 1)]
    assert warned(gaps, 0, paid) == warned(gaps, 0, [factor * each for each in paid])


def _weekly(events: Any, count: int = 5) -> list[Any]:
    return [events.completed("c1", f"2025-01-{1 + 7 * n:02}T10:00", order=f"o{n}") for n in range(count)]


def test_a_warning_is_raised_at_midnight_grows_and_ends_when_the_customer_buys_as_usual(events: Any) -> None:
    days = ("2025-02-22", "2025-03-01", "2025-03-08")
    back = [events.completed("c1", f"{day}T10:00", order=day) for day in days]
    seen = facts([*_weekly(events), *back], "2025-03-09T00:00")
    told = [(when, d.strength, d.signals, d.old) for when, d in seen if isinstance(d, ChurnRiskRaised)]
    assert told == [
        (at("2025-02-12T00:00"), "weak", ("silence",), None),
        (at("2025-02-19T00:00"), "strong", ("silence",), "weak: silence"),
        # Back once, the customer has bought half as often as before.
        (at("2025-02-22T10:00"), "weak", ("frequency",), "strong: silence"),
    ]
    assert [(when, d.old) for when, d in seen if isinstance(d, ChurnRiskEnded)] == [
        (at("2025-03-08T10:00"), "weak: frequency")
    ]


def test_who_is_lost_is_not_warned_of_for_ever(events: Any) -> None:
    seen = facts(_weekly(events), "2026-01-01T00:00")
    ended = [(when, d.old) for when, d in seen if isinstance(d, ChurnRiskEnded)]
    assert ended == [(at("2025-03-12T00:00"), "strong: silence")]


def test_an_order_refunded_whole_is_no_habit(events: Any) -> None:
    orders = _weekly(events, 4)
    assert fold(orders, "2025-02-10T00:00").churn_risk.strength == "weak"
    refunded = events.refunded("c1", "2025-01-23T10:00", "o3", 10_000)
    assert fold([*orders, refunded], "2025-02-10T00:00").churn_risk.strength is None


def test_other_thresholds_move_it_when_they_take_force(events: Any) -> None:
    stricter = version("2025-02-09T00:00", churn={"gap_percent": 120})
    seen = facts(_weekly(events), "2025-02-10T00:00", shop(now="2025-02-15T00:00", versions=[stricter]))
    assert [when for when, d in seen if isinstance(d, ChurnRiskRaised)] == [at("2025-02-09T00:00")]


def test_borders_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ValidationError, match="must rise"):
        ChurnRules(gap_percent=300)

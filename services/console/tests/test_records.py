"""Budget rules, cells, indicators, phases of the plan; pure (ANA-052, ANA-053, XCT-009, 011, 012, 021 to 026)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from console.goals.forms import body_of
from console.paperwork import cells, indicators
from console.plan.checks import CHECKS, NAMES, PHASES, phases
from console.plan.page import in_force
from console.records import rules
from console.records.kinds import KINDS
from console.records.state import Record
from console.texts.words import WORDS


def record(kind: str, state: str = "in_force", name: str = "x", **fields: Any) -> Record:
    return Record(kind, name, 1, state, fields, "Ann", None, datetime(2025, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("amount", "approved", "limit", "state"),
    [
        (100, 0, 100, "in_force"),
        (101, 0, 100, "asked"),
        (100, 0, None, "asked"),
        (500, 500, 100, "in_force"),
        (501, 500, 100, "asked"),
    ],
)
def test_an_item_above_its_standard_waits_for_a_second_person(
    amount: int, approved: int, limit: int | None, state: str
) -> None:
    """XCT-009: a standard for each kind of expense; without one every item is approved."""
    assert rules.state_of_item(amount, approved, limit) == state


def test_what_is_in_force_may_be_spent_and_what_ended_may_not() -> None:
    """ANA-052."""
    item = record("budget", planned=100, currency="EUR")
    assert rules.approved_of(item, "planned", "EUR") == 100
    assert rules.approved_of(record("budget", "ended", planned=100, currency="EUR"), "planned", "EUR") == 0
    assert rules.approved_of(None, "planned", "EUR") == 0
    assert rules.spent_of(item, "planned", item, {"EUR": 130}).left == -30


def test_amounts_of_two_currencies_never_meet() -> None:
    """ANA-052, XCT-009: neither an approval, nor a standard, nor a payment counts in another currency."""
    yen, euros = record("budget", planned=900, currency="JPY"), record("budget", planned=100, currency="EUR")
    assert rules.approved_of(euros, "planned", "JPY") == 0
    assert rules.spent_of(yen, "planned", euros, {"EUR": 70, "JPY": 5}) == (900, 0, 5, "JPY", {"EUR": 70})
    standard = record("standard", limit=500, currency="EUR")
    assert (rules.limit_of(standard, "EUR"), rules.limit_of(standard, "JPY")) == (500, None)
    assert rules.limit_of(record("standard", "ended", limit=500, currency="EUR"), "EUR") is None
    written = cells.written(KINDS["budget"], euros.fields | {"expense": "gifts"}, "JPY")
    assert written == {"expense": "gifts"}, "12.34 of one is not 1,234 of the other: it is written anew"


def test_every_field_of_every_kind_is_shown_and_written_as_it_is_read() -> None:
    """What a form is drawn with is what it would be read as again."""
    values = {
        "money": 12_34,
        "percent": 12_50,
        "flag": True,
        "ids": ["a", "b"],
        "lines": ["Ann Lee"],
        "day": "2025-03-01",
    }
    for kind, each in KINDS.items():
        assert set(each.shown) <= {f.name for f in each.fields}, kind
        for f in each.fields:
            value = values.get(f.kind, f.choices[0] if f.choices else "text")
            prefix, text = cells.shown(kind, f.name, value, "CNY")
            assert not prefix or prefix + text in WORDS, (kind, f.name)
            assert cells.shown(kind, f.name, None, "CNY") == ("", "–")
        for word in each.names:
            assert each.words + word in WORDS
    written = cells.written(KINDS["budget"], {"planned": 12_34, "expense": "gifts"}, "CNY")
    assert written == {"planned": "12.34", "expense": "gifts"}


@pytest.mark.parametrize(
    ("indicator", "body", "value"),
    [
        ("opted_out", {"kinds": [{"opted_out": 1, "customers": 30}, {"opted_out": 0, "customers": 10}]}, "2.5"),
        ("opted_out", {"kinds": []}, None),
        (
            "not_sent",
            {"messages": {"sent": 75, "suppressed": 25, "held": 9}, "suppressed_by_reason": {"cap": 25}},
            "25.0",
        ),
        ("not_sent", {"messages": {"sent": 75, "suppressed": 90}, "suppressed_by_reason": {"stale": 90}}, "0.0"),
        ("not_sent", {"messages": {"suppressed": 90}, "suppressed_by_reason": {"stale": 90}}, None),
        ("churn", {"churn_percent": None}, None),
        ("refunds", {"returning": {"refunded_percent": "3.1"}}, "3.1"),
        ("late_answers", {"in_time_percent": "91.5"}, "8.5"),
        ("late_answers", {"in_time_percent": None}, None),
    ],
)
def test_an_indicator_is_per_cent_of_what_the_service_says(indicator: str, body: Any, value: str | None) -> None:
    """XCT-012: each risk has a live figure; nobody to count from is no zero."""
    assert indicators.value_of(indicator, body) == (None if value is None else Decimal(value))


def test_our_offers_stand_beside_a_competitors_move() -> None:
    """XCT-011: those that ran on some day of it."""

    def offer(name: str, starts: str, ends: str, stopped: str | None = None) -> dict[str, Any]:
        return {"offer_id": name, "offer": {"starts": starts, "ends": ends}, "stopped_at": stopped}

    offers = [
        offer("before", "2025-01-01T00:00", "2025-02-01T00:00"),
        offer("over", "2025-01-01T00:00", "2025-02-02T10:00"),
        offer("stopped", "2025-01-01T00:00", "2025-09-01T00:00", "2025-01-09T00:00"),
        offer("after", "2025-03-01T00:00", "2025-04-01T00:00"),
    ]
    assert indicators.beside("2025-02-01", "2025-03-01", offers) == ["over"]


def test_six_phases_of_two_months_fill_the_year_and_each_has_checks() -> None:
    """ANA-053, XCT-021 to 026."""
    found = phases(date(2025, 3, 1))
    assert len(found) == len(PHASES) == len(CHECKS) == 6
    assert [str(p.since) for p in found][:2] == ["2025-03-01", "2025-05-01"]
    assert all(a.until == b.since for a, b in pairwise(found))
    assert str(found[-1].until) == "2026-03-01"
    assert len(set(NAMES)) == len(NAMES)
    assert all(CHECKS)


def test_the_plan_that_began_last_is_in_force_and_others_come_later() -> None:
    plans = [record("plan", name=day, starts=day) for day in ("2026-01-01", "2024-01-01", "2025-01-01")]

    def names(today: date, given: list[Record]) -> tuple[str | None, list[str]]:
        mine, later = in_force(given, today)
        return (mine.name if mine else None), [p.name for p in later]

    assert names(date(2025, 6, 1), plans) == ("2025-01-01", ["2026-01-01"])
    assert names(date(2023, 6, 1), plans) == ("2024-01-01", ["2025-01-01", "2026-01-01"])
    assert names(date(2025, 6, 1), []) == (None, [])


@pytest.mark.parametrize(
    ("more", "body", "wrong"),
    [
        ({"target": "35.5"}, {"target": "35.5"}, set()),
        ({"kpi": "net", "target": "1000.50"}, {"target": "100050"}, set()),
        ({"rise_percent": "10"}, {"rise_percent": "10"}, set()),
        ({"target": "1", "rise_percent": "1"}, None, {"target"}),
        ({}, None, {"target"}),
        ({"target": "1,000"}, None, {"target"}),
        ({"target": "5", "until": "2025-01-01"}, None, {"until"}),
    ],
)
def test_a_goal_says_what_it_reaches_or_by_how_much_it_rises(
    more: dict[str, str], body: dict[str, str] | None, wrong: set[str]
) -> None:
    """ANA-001 to ANA-003."""
    written = {"name": "n", "kpi": "repurchase_rate", "since": "2025-01-01", "until": "2025-07-01"} | more
    found, said = body_of(written, "CNY")
    assert set(said) == wrong
    if body is not None:
        assert found.items() >= body.items()


def test_a_department_is_rated_as_its_own_agents_are() -> None:
    """ANA-051: by person, each rating once; a name is whole, with its blank."""
    found = [
        {"agent": "Ann Lee", "scores": {"by_score": {"5": 3, "2": 1}}},
        {"agent": "Ann", "scores": {"by_score": {"1": 9}}},
        {"agent": "Bo Chen", "scores": {"by_score": {"4": 2}}},
    ]
    assert indicators.rating_of(["Ann Lee", "Bo Chen"], found, False) == (Decimal("4.17"), 6)
    assert indicators.rating_of(["Cy"], found, False) == (None, 0)
    assert indicators.rating_of(["Ann", "Cy"], found, True) is None, "Cy may be among those who are left out"
    assert indicators.rating_of(["Bo Chen"], found, True) == (Decimal("4.00"), 2)

"""The programme as fields of a form: what is written is what is saved, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from console.programme.fields import differences, fields_of, read, written


def programme(**tier: Any) -> dict[str, Any]:
    lowest = {"name": "Regular", "id": "regular", "spend": None, "orders": None, "growth": None, "points": None}
    return {
        "tiers": [
            {**lowest, "price": 10_000, "factor": 10_000},
            {
                **lowest,
                "name": "Senior",
                "id": "senior",
                "spend": 50_000,
                "orders": 3,
                "price": 9_800,
                "factor": 12_000,
                **tier,
            },
        ],
        "enrolment": "first_order",
        "window_months": 12,
        "term_months": 12,
        "grace_days": 30,
        "downgrade": "one_down",
        "points": {
            "per_unit": 1,
            "per_unit_worth": 100,
            "expiry_months": 12,
            "largest_share": 5_000,
            "returned_last_days": 7,
            "clamp_at_zero": False,
        },
        "growth": {"per_unit": 1, "review": 20, "activity": 10, "referral": 50, "check_in": 1},
        "check_in": {"points": 1, "bonuses": [{"days": 7, "points": 5}]},
        "fast_tracks": [{"tier": "senior", "spend": 20_000}],
    }


def test_a_person_reads_major_units_percent_and_times() -> None:
    form = written(programme(), "CNY")
    assert [form[f"tiers.1.{name}"] for name in ("spend", "price", "factor")] == ["500.00", "98", "1.2"]
    assert form["points.largest_share"] == "50"
    assert written(programme(), "JPY")["tiers.1.spend"] == "50000"
    assert "tiers.0.spend" not in form, "the lowest tier asks for nothing"


@given(
    some.integers(1, 10**9), some.integers(0, 10_000), some.integers(0, 10**6), some.sampled_from(["CNY", "JPY", "KWD"])
)
def test_what_is_written_reads_back_the_same(spend: int, price: int, factor: int, currency: str) -> None:
    base = programme(spend=spend, price=price, factor=factor)
    found = read(base, written(base, currency), currency)
    assert (found.programme, found.wrong) == (base, {})


def test_what_has_no_field_stays_as_it_was() -> None:
    base = programme()
    form = written(base, "CNY") | {"tiers.1.spend": "600", "tiers.1.orders": ""}
    found = read(base, form, "CNY")
    assert found.programme["tiers"][1] == base["tiers"][1] | {"spend": 60_000, "orders": None}
    assert found.programme["fast_tracks"] == base["fast_tracks"]
    assert found.programme["check_in"]["bonuses"] == base["check_in"]["bonuses"]
    assert base == programme(), "what was read from is left alone"
    assert differences(base, found.programme, "CNY") == [
        ("Senior", "Spend", "500.00", "600.00"),
        ("Senior", "Orders", "3", ""),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tiers.1.spend", "a lot"),
        ("tiers.1.spend", "1.005"),
        ("tiers.1.spend", "-1"),
        ("tiers.1.orders", "1.5"),
        ("tiers.1.price", "101"),
        ("tiers.1.price", "97.123"),
        ("tiers.1.factor", "NaN"),
        ("tiers.1.name", ""),
        ("tiers.1.name", "x" * 61),
        ("window_months", ""),
        ("window_months", "0"),
        ("points.per_unit", "1e9"),
        ("downgrade", "sideways"),
    ],
)
def test_what_cannot_be_used_is_named_and_the_rest_is_read(name: str, text: str) -> None:
    base = programme()
    found = read(base, written(base, "CNY") | {name: text}, "CNY")
    assert list(found.wrong) == [name]
    assert found.programme == base


def test_a_form_of_nothing_names_every_field_that_must_be_there() -> None:
    base = programme()
    wrong = read(base, {}, "CNY").wrong
    assert set(wrong) == {name for name, each in fields_of(base).items() if not each.optional}

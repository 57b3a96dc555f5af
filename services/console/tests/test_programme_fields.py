"""The programme as fields of a form: what is written is what is saved, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from console.programme.documents import DOCUMENTS, POLICY, Document
from console.programme.fields import differences, differences_of, fields_of, read, read_of, written, written_of
from console.programme.windows import Unreadable, days, windows, windows_written
from messaging.policy.state import Policy
from segmentation.thresholds.state import Thresholds


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
        "warn_days": 30,
        "downgrade": "one_down",
        "points": {
            "per_unit": 1,
            "per_unit_worth": 100,
            "expiry": "month_end",
            "expiry_months": 12,
            "expiry_days": None,
            "largest_share": 5_000,
            "returned_last_days": 7,
            "clamp_at_zero": False,
        },
        "growth": {"per_unit": 1, "review": 20, "activity": 10, "referral": 50, "check_in": 1},
        "approvals": {"points_alone": 500, "points_a_day": 5_000, "tiers_a_month": 100},
        "payouts": {"cash_alone": 10_000, "cash_a_day": 100_000},
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
        ("tiers.1.spend", "1.000"),
        ("tiers.1.spend", "1,000"),
        ("tiers.1.spend", "1_000"),
        ("tiers.1.spend", "１２３"),
        ("tiers.1.orders", "1.000"),
        ("tiers.1.price", "1.000"),
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


WINDOWS = [
    {"start": "09:30:00", "end": "11:00:00", "closed_on": ["mon", "fri"]},
    {"start": "19:30:00", "end": "21:00:00", "closed_on": []},
]


@pytest.mark.parametrize("line", ["9:30-11:00 not mon, fri", "09:30 – 11:00  not mon fri", "09:30-11:00 除 mon、fri"])
def test_windows_are_read_as_people_write_them(line: str) -> None:
    """MSG-001 to MSG-005."""
    assert windows(f"{line}\n\n19:30-21:00\n") == WINDOWS
    assert windows(windows_written(WINDOWS)) == WINDOWS


@pytest.mark.parametrize(
    "text", ["", "morning", "11:00-09:30", "09:30-25:00", "09:61-10:00", "09:30-11:00 not someday"]
)
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        windows(text)


def test_days_are_read_once_in_order() -> None:
    assert days("2026-10-01, 2026-02-17\n2026-02-17") == ["2026-02-17", "2026-10-01"]
    assert days(" ") == []
    with pytest.raises(Unreadable):
        days("tomorrow")


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=lambda document: document.key)
def test_what_a_service_has_in_force_reads_back_the_same(document: Document) -> None:
    """Each field stands in the service's own rules, and its defaults are within the form's bounds."""
    rules = {"thresholds": Thresholds, "policy": Policy}[document.key]().model_dump(mode="json")
    form = written_of(document.fields, rules, "CNY")
    found = read_of(document.fields, rules, form, "CNY")
    assert found.wrong == {}
    assert found.programme == rules
    assert differences_of(document.fields, rules, rules, "CNY") == []


def test_a_part_that_may_be_absent_is_there_with_the_field_that_makes_it() -> None:
    """MSG-028: who answers on social networks; what the form does not show of the part stays."""
    rules = Policy().model_dump(mode="json")
    form = written_of(POLICY.fields, rules, "CNY")
    late = read_of(POLICY.fields, rules, form | {"social_desk.answer_within_hours": "2"}, "CNY")
    assert late.programme["social_desk"] is None, "nobody's hours"
    made = read_of(POLICY.fields, rules, form | {"social_desk.owner": "Sue"}, "CNY").programme
    desk = Policy.model_validate(made).social_desk
    assert desk is not None
    assert (desk.owner, desk.answer_within_hours) == ("Sue", 24)
    kept = {"owner": "Sue", "answer_within_hours": 4, "by_network": {"weibo": "Wei"}}
    form = written_of(POLICY.fields, rules | {"social_desk": kept}, "CNY")
    assert read_of(POLICY.fields, rules | {"social_desk": kept}, form, "CNY").programme["social_desk"] == kept
    gone = read_of(POLICY.fields, rules | {"social_desk": kept}, form | {"social_desk.owner": ""}, "CNY")
    assert gone.programme["social_desk"] is None


def test_a_change_is_named_and_everything_else_stays() -> None:
    rules = Policy().model_dump(mode="json")
    form = written_of(POLICY.fields, rules, "CNY")
    form |= {"caps.all_channels": "2", "caps.marketing_by_channel.sms": "", "blackout_dates": "2026-02-17"}
    found = read_of(POLICY.fields, rules, form, "CNY")
    Policy.model_validate(found.programme)
    assert found.programme["caps"] == {
        **rules["caps"],
        "all_channels": 2,
        "marketing_by_channel": {"email": 3, "chat": 3},
    }
    changed = differences_of(POLICY.fields, rules, found.programme, "CNY")
    assert [label for label, _, _ in changed] == [
        "Days without messages",
        "Most over all channels",
        "Most by text message",
    ]

"""Numbers, amounts and times as pages show them, and paths that may be followed."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from console.access.forms import safe_path
from console.web import formats


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (12843050, "CNY", "CNY\u00a0128,430.50"),
        (12843, "JPY", "JPY\u00a012,843"),
        (12843050, "KWD", "KWD\u00a012,843.050"),
        (-5, "EUR", "EUR\u00a0\u22120.05"),
    ],
)
def test_money_has_the_decimals_of_its_currency(minor: int, currency: str, shown: str) -> None:
    assert formats.money(minor, currency) == shown


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ({"part": 905, "base": 2376, "percent": "38.1"}, "38.1\u00a0% (905\u00a0/\u00a02,376)"),
        ({"part": 0, "base": 0, "percent": None}, None),
    ],
)
def test_a_rate_says_its_base_and_has_no_value_without_one(found: dict[str, Any], shown: str | None) -> None:
    assert formats.rate(found) == shown


def test_times_are_in_the_shops_zone() -> None:
    assert formats.moment("2025-03-04T02:00:00Z", ZoneInfo("Asia/Shanghai")) == "2025-03-04 10:00"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_cell_of_an_export_is_a_formula(text: str) -> None:
    assert formats.cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/s/tea/today", "/s/tea/today"),
        ("/s/tea/dead-letters?service=membership", "/s/tea/dead-letters?service=membership"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/\tx", "/"),
        ("", "/"),
        (None, "/"),
    ],
)
def test_only_a_path_of_ours_is_followed(given: str | None, path: str) -> None:
    assert safe_path(given) == path


def test_counts_stand_in_the_order_of_their_names_and_strangers_last() -> None:
    assert formats.in_order({"x": 1, "dead": 2, "active": 3}, ["active", "dead"]) == [
        ("active", 3),
        ("dead", 2),
        ("x", 1),
    ]


def test_halves_are_rounded_up_as_people_do() -> None:
    """What is usually 94.5 is no 94 beside an 85 of 84.75."""
    assert [formats.whole(each) for each in ("94.5", "74.5", "84.75", -62.5, "0.49")] == [95, 75, 85, -63, 0]

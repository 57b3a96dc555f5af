"""Weeks for a chart: a week without an order is a week of nothing, not a gap that the line leaps over."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from console.today.weeks import by_currency

SHANGHAI = ZoneInfo("Asia/Shanghai")


def answer(*weeks: dict[str, Any], as_of: str) -> dict[str, Any]:
    return {"since": "2025-02-10", "as_of": as_of, "weeks": list(weeks)}


def week(day: str, orders: int, currency: str = "CNY") -> dict[str, Any]:
    return {"week": day, "currency": currency, "orders": orders, "buyers": 1, "net": 100 * orders}


def test_a_week_that_the_service_leaves_out_stands_with_nothing() -> None:
    found = by_currency(answer(week("2025-02-10", 2), week("2025-02-24", 1), as_of="2025-03-04T02:00:00Z"), SHANGHAI)
    assert {name: [(w["week"], w["orders"], w["net"]) for w in weeks] for name, weeks in found.items()} == {
        "CNY": [("2025-02-10", 2, 200), ("2025-02-17", 0, 0), ("2025-02-24", 1, 100), ("2025-03-03", 0, 0)]
    }


def test_the_last_week_is_that_of_the_shops_date() -> None:
    """Sunday 20:00 in UTC is Monday in Shanghai: a new week."""
    found = by_currency(answer(week("2025-02-10", 2), as_of="2025-02-16T20:00:00Z"), SHANGHAI)
    assert [w["week"] for w in found["CNY"]] == ["2025-02-10", "2025-02-17"]


def test_each_currency_has_all_weeks() -> None:
    found = by_currency(
        answer(week("2025-02-10", 2), week("2025-02-17", 1, "EUR"), as_of="2025-02-18T00:00:00Z"), SHANGHAI
    )
    assert {name: len(weeks) for name, weeks in found.items()} == {"CNY": 2, "EUR": 2}


def test_no_order_is_no_currency() -> None:
    assert by_currency(answer(as_of="2025-02-18T00:00:00Z"), SHANGHAI) == {}

"""A whole weekly report's document, as the job keeps it: for tests of what is made of it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from console.reports.periods import period_of
from console.reports.store import Report

WEEK = period_of("week", date(2025, 3, 5))


def document() -> dict[str, Any]:
    """Sales rose, repurchase fell; one campaign helped, one harmed, one cost more than it brought."""
    lift: dict[str, Any] = {"difference": 0.04, "low": 0.01, "high": 0.07, "certain": True, "extra_orders": 12.0}
    lift |= {"cost": 50_00, "currency": "CNY"}
    harmed = lift | {"difference": -0.04, "low": -0.07, "high": -0.01, "extra_orders": -12.0}
    dear = lift | {"cost_per_extra_order": 9_000_00.0}
    return {
        "currency": "CNY",
        "missing": {},
        "figures": {
            "net": [1_234_56, 1_000_00],
            "orders": [30, 25],
            "buyers": [20, 20],
            "per_order": [41_15, 40_00],
            "repurchase": ["25.0", "30.0"],
            "returning": [5, 6],
            "new_buyers": [15, 14],
            "refunded": [None, "2.0"],
            "in_time": ["75.00", None],
            "resolve": [7_260, 3_600],
        },
        "anomalies": [{"kpi": "net", "value": 1_234_56, "usual": "3000.40", "change": "-58.9", "worse": True}],
        "weeks": 4,
        "goals": [
            {
                "name": "Twice",
                "kpi": "net",
                "since": "2025-01-01",
                "until": "2025-07-01",
                "target": "5000000.00",
                "value": "123456.00",
                "progress_percent": "2.5",
                "currency": "CNY",
                "state": "running",
                "forecast": {"outlook": "unlikely"},
            }
        ],
        "campaigns": [
            {"campaign": "a", "title": "Spring", "state": "finished", "customers": 900, "cost_per_extra_order": 4_17.0}
            | lift,
            {"campaign": "b", "title": "Noise", "state": "finished", "customers": 900, "cost_per_extra_order": None}
            | harmed,
            {"campaign": "c", "title": "Gold", "state": "finished", "customers": 900} | dear,
        ],
        "offers": [["spring-10", 7]],
        "programme": [[3, "2025-03-04"]],
        "tiers": [{"tier": "VIP", "customers": 9, "buyers": 4, "net": 900_00, "percent_of_sales": "72.9", "arpu": 100}],
        "messages": [{"kind": "promotion", "sent": 80, "ordered_share": 0.125, "opted_out_share": None}],
        "owed": {"points": 12_000, "worth": 120_00, "members": 55},
        "notes": {
            "budget": [
                {"name": "Flyers <b>", "currency": "CNY", "planned": 100_00, "approved": 100_00, "spent": 130_00}
                | {"left": -30_00, "others": {}},
                {"name": "茶罐", "currency": "JPY", "planned": 5_000, "approved": 5_000, "spent": 0}
                | {"left": 5_000, "others": {"EUR": 12_34}},
            ],
            "competitors": [["Tea & Co", "discount", "=cmd"]],
            "lessons": [["老客户", "写信"]],
        },
    }


def report(**more: Any) -> Report:
    return Report(WEEK, "whole", document() | more, 1, datetime(2025, 3, 10, 1, tzinfo=UTC), None)

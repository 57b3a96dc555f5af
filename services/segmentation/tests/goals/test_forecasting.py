"""Forecasts of goals: judged by the shop's own past, and right as often as they say (ANA-001 to 003)."""

from __future__ import annotations

import csv
import gzip
import os
import random
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.goals.evaluate import evaluate, main
from segmentation.goals.forecasting import LEAST_PAST, Forecast, forecast
from segmentation.goals.measuring import Bought, Measured, bought_of, measure
from segmentation.goals.rules import outlook_of, progress, state_of
from segmentation.goals.state import Goal

BEGAN, TODAY = date(2024, 1, 1), date(2025, 3, 20)
CDNOW = Path(os.environ.get("REGULARS_SHARED", "/nowhere")) / "data" / "cdnow_master.csv.gz"
COUNTED: tuple[Measured, ...] = ("orders", "net", "buyers", "new_buyers", "repurchase_rate", "orders_per_buyer")


def shop(seed: int = 1, days: int = 444, a_day: int = 6) -> Bought:
    """A steady shop: about as many orders every day, of 300 customers, each with a first one."""
    draw, first = random.Random(seed), dict[str, date]()
    rows = []
    for day in range(days):
        at = BEGAN + timedelta(days=day)
        for who in sorted({f"c{draw.randrange(300)}" for _ in range(draw.randint(a_day - 2, a_day + 2))}):
            first.setdefault(who, at)
            rows.append((who, at, 1, draw.randint(500, 2_000)))
    return bought_of((who, at, orders, net, first[who]) for who, at, orders, net in rows)


def test_figures_of_a_period_are_those_of_a_plain_count() -> None:
    """ANA-005, ANA-006: last day excluded; of nothing a ratio is not known."""
    rows = [("a", 1, 2), ("a", 3, 1), ("b", 3, 1), ("b", 9, 1), ("c", 9, 1)]
    firsts = {"a": 1, "b": 3, "c": 9}
    day = date.fromordinal
    bought = bought_of((who, day(at), orders, 100 * at, day(firsts[who])) for who, at, orders in reversed(rows))
    assert [measure(kpi, bought, 1, 9) for kpi in COUNTED] == [4.0, 700.0, 2.0, 2.0, 50.0, 2.0]
    assert [measure(kpi, bought, 4, 9) for kpi in COUNTED] == [0.0, 0.0, 0.0, 0.0, None, None]


@pytest.mark.parametrize("kpi", ["orders", "net", "repurchase_rate", "orders_per_buyer"])
def test_a_steady_shop_is_forecast_closely_and_nothing_lies_below_what_is_reached(kpi: Measured) -> None:
    whole = shop()
    since = TODAY - timedelta(days=45)
    found = forecast(kpi, whole.between(0, TODAY.toordinal()), since, since + timedelta(days=91), TODAY)
    assert found is not None
    ended = measure(kpi, shop(1, 520), since.toordinal(), since.toordinal() + 91)
    assert ended is not None
    assert found.low <= ended <= found.high
    assert found.value == pytest.approx(ended, rel=0.15)
    reached = measure(kpi, whole, since.toordinal(), TODAY.toordinal())
    assert reached is not None
    if kpi in ("orders", "net"):
        assert reached <= found.low
    # Of a share of the buyers, the figure of everybody says how large the shop is.
    larger = forecast(
        kpi, whole.between(0, TODAY.toordinal()), since, since + timedelta(days=91), TODAY, reached=Decimal(3 * reached)
    )
    assert larger is not None
    assert larger.value == pytest.approx(3 * found.value, rel=0.01)


def test_too_little_past_no_whole_day_and_an_ended_period_are_not_forecast() -> None:
    whole, since = shop(), TODAY - timedelta(days=20)
    until = since + timedelta(days=60)
    assert forecast("orders", whole, since, until, TODAY) is not None
    assert forecast("orders", whole, since, until, since) is None
    assert forecast("orders", whole, since, until, until) is None
    lately = whole.between((since - timedelta(days=60 + 7 * (LEAST_PAST - 2))).toordinal(), TODAY.toordinal())
    assert forecast("orders", lately, since, until, TODAY) is None
    assert forecast("orders", bought_of([]), since, until, TODAY) is None


@given(st.lists(st.floats(-0.5, 0.5), min_size=LEAST_PAST, max_size=60), st.floats(0, 1_000), st.floats(0, 1_000))
def test_the_chance_falls_as_the_target_rises(off: list[float], a: float, b: float) -> None:
    said = Forecast(500.0, 400.0, 600.0, "pace", len(off), tuple(sorted(off)))
    assert 0 < said.chance(max(a, b)) <= said.chance(min(a, b)) < 1


def test_how_a_goal_stands() -> None:
    """ANA-001: 23.5 percent are to become 26."""
    goal = Goal(name="g", kpi="repurchase_rate", since=BEGAN, until=TODAY, target=2_600, baseline=2_350)
    within = BEGAN + timedelta(days=9)
    assert progress(goal, Decimal("24.75")) == Decimal("50.00")
    assert progress(goal, None) is None
    assert progress(goal.model_copy(update={"target": 2_350}), Decimal("24.75")) is None, "no rise, so no way to go"
    assert [state_of(goal, Decimal("26"), day) for day in (BEGAN - timedelta(days=1), within, TODAY)] == [
        "to_come",
        "running",
        "reached",
    ]
    assert state_of(goal, Decimal("25.99"), TODAY) == "missed"
    counted = goal.model_copy(update={"kpi": "new_buyers", "target": 10_000})
    assert progress(counted, Decimal(25)) == Decimal("25.00")
    assert state_of(counted, Decimal(100), within) == "reached"
    sure = Forecast(30.0, 28.0, 32.0, "pace", 20, tuple(n / 1_000 for n in range(20)))
    assert outlook_of(goal, sure) == (0.98, "likely")
    assert outlook_of(goal, None) is None


def _cdnow() -> Iterator[tuple[str, date, int, int]]:
    with gzip.open(CDNOW, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            minor = round(100 * float(row["dollar_value"]))
            yield row["customer_id"], date.fromisoformat(row["date"]), 1, minor


def test_on_cdnow_four_of_five_intervals_cover_what_came() -> None:
    """Forecasts of four weeks, each week of the second half of 1997 to 1998, from what was known then."""
    if not CDNOW.exists():
        pytest.skip("CDNOW is not here")
    rows = sorted(_cdnow(), key=lambda row: row[1])
    first: dict[str, date] = {}
    for who, at, *_ in rows:
        first.setdefault(who, at)
    bought = bought_of((who, at, orders, net, first[who]) for who, at, orders, net in rows)
    judged = [evaluate(bought, kpi, 28, 0.5) for kpi in ("orders", "net", "repurchase_rate", "orders_per_buyer")]
    known = [each for each in judged if each is not None]
    assert [each.forecasts for each in known] == [38] * 4
    assert 0.8 <= sum(each.covered for each in known) / 4 <= 0.95
    assert all(each.off < 12 for each in known)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("customer,date,amount\n", "no order"),
        ("customer,date,amount\na,2025-01-01,5\n", "too short"),
        ("a,b\n", "no column"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    rows: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(rows, encoding="utf-8")
    assert main([str(file)]) == 2
    assert problem in capsys.readouterr().err

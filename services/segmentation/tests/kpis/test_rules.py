"""The published examples of key figures, exact; Kaplan-Meier against the textbook and against simulation."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.kpis import rules
from segmentation.kpis.rules import (
    BENCHMARKS,
    Industry,
    Waiting,
    contribution,
    growth,
    kaplan_meier,
    percent,
    repurchase,
    survivors,
)


@pytest.mark.parametrize(
    ("part", "base", "expected"),
    [(500, 10_000, "5.00"), (5_000, 10_000, "50.00"), (23, 25, "92.00"), (0, 0, None), (81, 100, "81.00")],
)
def test_ana_005_rates_and_nothing_of_nobody(part: int, base: int, expected: str | None) -> None:
    """T-4.1 to T-4.4."""
    assert percent(part, base) == (Decimal(expected) if expected is not None else None)


def test_ana_011_the_contribution_of_repeat_buyers() -> None:
    """T-1: ten times the rate at half the order value is five times the contribution."""
    a, b = contribution(10_000, Decimal(5), 200), contribution(10_000, Decimal(50), 100)
    assert [a, b, b / a] == [Decimal(100_000), Decimal(500_000), Decimal(5)]


@pytest.mark.parametrize(
    ("industry", "expected"),
    [
        ("womens_wear", ["2600", "1170", "666.9", "426.816", "290.23488"]),
        ("cosmetics", ["2600", "1144", "617.76", "370.656", "237.21984"]),
        ("mens_shoes", ["1900", "646", "277.78", "136.1122", "72.139466"]),
        ("appliances", ["500", "75", "18.75", "6.375", "3.12375"]),
    ],
)
def test_ana_012_survivors_of_ten_thousand_first_buyers(industry: Industry, expected: list[str]) -> None:
    """T-3, exact; and the rate rises with every step in every column."""
    assert survivors(10_000, industry) == [Decimal(each) for each in expected]
    assert list(BENCHMARKS[industry]) == sorted(set(BENCHMARKS[industry]))


def test_growth_is_against_what_was() -> None:
    assert (growth(150, 100), growth(50, 100), growth(5, 0)) == (Decimal(50), Decimal(-50), None)


def test_kaplan_meier_by_hand() -> None:
    """Ten at risk, two buy on day 1, three leave on day 2, one of five buys on day 3: 1 - 8/10 x 4/5 = 36 percent."""
    waiting = Waiting({1: 2, 3: 1}, {2: 3, 9: 4})
    assert kaplan_meier(waiting, 0) == 0
    assert kaplan_meier(waiting, 2) == 20
    assert kaplan_meier(waiting, 3) == 36
    assert kaplan_meier(Waiting({}, {}), 3) is None


@given(st.dictionaries(st.integers(0, 60), st.integers(1, 50), max_size=8), st.integers(0, 60))
def test_where_nobody_is_censored_all_three_forms_are_one(again: dict[int, int], days: int) -> None:
    waiting = Waiting(again, {61: 7})
    bought = sum(count for gap, count in again.items() if gap <= days)
    total = sum(again.values()) + 7
    found = repurchase(waiting, {True: bought, False: total - bought}, days)
    assert found.everybody == found.mature
    assert found.estimated is not None
    assert found.everybody is not None
    assert abs(found.estimated - found.everybody) <= Decimal("0.01")


def test_of_buyers_who_came_lately_the_estimate_is_right_and_the_share_of_everybody_too_low() -> None:
    """Everybody buys again within 90 days with 60 percent; half of the buyers have had 45 days on average."""
    draw = random.Random(5)
    again, not_yet, mature = Counter[int](), Counter[int](), Counter[bool]()
    for _ in range(20_000):
        age = draw.randrange(0, 180)
        gap = draw.randrange(0, 90) if draw.random() < 0.6 else 10_000
        if gap <= age:
            again[min(gap, 91)] += 1
        else:
            not_yet[min(age, 91)] += 1
        if age >= 90:
            mature[gap <= 90] += 1
    found = repurchase(Waiting(again, not_yet), mature, 90)
    assert found.estimated is not None
    assert found.mature is not None
    assert found.everybody is not None
    assert abs(found.estimated - 60) < Decimal("1.5")
    assert abs(found.mature - 60) < Decimal("1.5")
    assert found.everybody < 50


@pytest.mark.parametrize(
    ("shares", "index"),
    [
        ((Decimal(60), Decimal(30), None), Decimal("45.00")),
        ((Decimal("33.33"), Decimal("33.33"), Decimal("33.35")), Decimal("33.34")),
        ((None, None, None), None),
    ],
)
def test_ana_042_stickiness_is_the_mean_of_what_is_known(
    shares: tuple[Decimal | None, ...], index: Decimal | None
) -> None:
    assert rules.stickiness(rules.Sticking(*shares)) == index


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ((10, 50_000, 5, 20, None, None), (20_000, None, None)),
        ((10, 50_000, 5, 20, 5_000, 1_000), (20_000, 50_000, 10_000)),
        ((3, 0, 0, 20, 5_000, None), (None, 15_000, None)),
        ((0, 50_000, 5, 100, 0, 0), (0, 0, 0)),
    ],
)
def test_ana_025_what_losing_customers_costs_by_the_shops_own_assumptions(
    asked: tuple[int, int, int, int, int | None, int | None], found: tuple[int | None, ...]
) -> None:
    assert rules.losses(*asked) == found


@given(since=st.dates(date(2000, 1, 1), date(2100, 1, 1)), days=st.integers(1, 3_650))
def test_a_shop_that_sells_the_same_every_day_has_no_season(since: date, days: int) -> None:
    """ANA-040: whatever part of a quarter the period holds, and however often."""
    held = rules.days_by_quarter(since, since + timedelta(days=days))
    assert sum(held.values()) == days
    assert rules.peak_of({quarter: 3 * number for quarter, number in held.items()}, held) == (None, None)


def test_the_peak_is_the_quarter_with_most_a_day() -> None:
    """ANA-040: three weeks of a quarter may sell less than the whole of another, and more a day."""
    held = {1: 20, 2: 80}
    assert rules.peak_of({1: 40, 2: 60}, held) == (1, Decimal("200.00"))
    assert rules.peak_of({}, held) == (None, None)

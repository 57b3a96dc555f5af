"""Weeks that are not as usual (ANA-045)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from segmentation.kpis.anomalies import anomalies

USUAL: Any = {"orders": 100, "buyers": 90, "returning_buyers": 50, "net": 10_000, "per_order": 100, "complaints": 4}


def weeks(**last: int) -> list[Any]:
    return [USUAL, USUAL, USUAL, USUAL, {**USUAL, **last}]


@pytest.mark.parametrize(
    ("name", "last", "found"),
    [
        ("as usual", {}, []),
        ("40 percent less", {"orders": 60}, [("orders", "-40.00", True)]),
        ("39 percent less", {"orders": 61}, []),
        ("more is better, but of complaints", {"buyers": 180, "complaints": 12},
         [("complaints", "200.00", True), ("buyers", "100.00", False)]),
        ("few are chance", {"complaints": 7}, []),
        ("of few a rise even twice over", {"complaints": 10}, []),
        ("amounts go by their orders", {"net": 5_900}, [("net", "-41.00", True)]),
        ("nothing at all", {"orders": 0, "net": 0}, [("net", "-100.00", True), ("orders", "-100.00", True)]),
    ],
)  # fmt: skip
def test_ana_045_what_differs_by_so_much_and_not_by_chance(name: str, last: dict[str, int], found: list[Any]) -> None:
    told = [(each.kpi, str(each.change), each.worse) for each in anomalies(weeks(**last), 40)]
    assert told == found, name


def test_of_a_shop_that_sells_little_nothing_is_unusual_and_of_one_without_weeks_neither() -> None:
    small: Any = {"orders": 4, "net": 400}
    fewer: Any = {"orders": 1, "net": 100}
    assert anomalies([small, small, fewer], 40) == []
    assert anomalies([small], 40) == []
    begins: list[Any] = [{"orders": 0}, {"orders": 20}]
    (first,) = anomalies(begins, 40)
    assert (first.change, first.usual, first.worse) == (None, Decimal("0.00"), False)


def test_the_mean_of_an_order_is_not_compared_where_nobody_ordered() -> None:
    """ANA-045: it is not 0 then, neither in the week nor in the mean of those before."""
    none: Any = {"orders": 0, "buyers": 0, "returning_buyers": 0, "net": 0, "complaints": 4}
    assert {each.kpi for each in anomalies([USUAL, USUAL, none], 40)} == {
        "orders", "buyers", "returning_buyers", "net",
    }  # fmt: skip
    assert anomalies([none, none, {"orders": 1, "net": 100, "per_order": 100}], 40) == []
    found = anomalies([USUAL, none, USUAL | {"per_order": 400}], 40)
    assert [each.usual for each in found if each.kpi == "per_order"] == [100]


def test_the_mean_of_a_few_orders_is_off_by_chance() -> None:
    """ANA-045: three orders of 75 in a shop whose 42 were worth 32 each say nothing of what orders are worth."""
    usual: Any = {
        "orders": 42,
        "buyers": 40,
        "returning_buyers": 40,
        "net": 134_146,
        "per_order": 3_152,
        "complaints": 0,
    }
    few: Any = {"orders": 3, "buyers": 3, "returning_buyers": 3, "net": 22_503, "per_order": 7_501, "complaints": 0}
    assert "per_order" not in {each.kpi for each in anomalies([usual] * 4 + [few], 40)}
    many = few | {"orders": 42, "net": 315_042}
    assert "per_order" in {each.kpi for each in anomalies([usual] * 4 + [many], 40)}


def test_amounts_are_judged_by_the_orders_in_their_currency() -> None:
    """ANA-045: one order in the shop's own among a hundred in another says nothing of what orders are worth."""
    usual: Any = {"orders": 100, "priced": 100, "net": 10_000, "per_order": 100}
    abroad: Any = {"orders": 100, "priced": 1, "net": 160, "per_order": 160}
    assert {each.kpi for each in anomalies([usual] * 4 + [abroad], 40)} == {"net"}
    seldom: Any = {"orders": 100, "priced": 2, "net": 200, "per_order": 100}
    assert anomalies([seldom] * 4 + [seldom | {"net": 100, "priced": 1}], 40) == []

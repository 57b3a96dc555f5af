"""Where a customer goes from month to month: by the orders that counted at each border."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from common.events.segments import LifeCycle
from common.shops.settings import ShopSettings
from segmentation.monthly_flows.rules import Border, Sold, borders, cells_at, difference, flows_of, life_cycles_at
from segmentation.shops.state import shop_with
from segmentation.thresholds.state import LifeCycleRules, Thresholds, Version

MONTHS = [date(2025, month, 1) for month in range(2, 7)]
AT = [Border(day, 2 * 30, Thresholds(), None, "CNY") for day in MONTHS]
"""The shop's usual gap is 30 days; one own gap and the shop's two make the customer's."""


def sold(*days: str, gone: str | None = None, net: int = 100_00) -> list[Sold]:
    return [Sold(date.fromisoformat(day), date.fromisoformat(gone) if gone else None, "CNY", 1, net) for day in days]


@pytest.mark.parametrize(
    ("name", "orders", "values"),
    [
        ("nothing bought", [], [None] * 5),
        ("once", sold("2025-01-20"), ["active", "sleeping", "pre_churn", "churned", "churned"]),
        (
            "bought on the border's own day counts from the next",
            sold("2025-03-01"),
            [None, None, "sleeping", "pre_churn", "churned"],
        ),
        ("comes back", sold("2025-01-20", "2025-03-20"), ["active", "sleeping", "active", "sleeping", "sleeping"]),
        ("refunded whole in April", sold("2025-03-20", gone="2025-04-10"), [None, None, "active", None, None]),
        ("never was", sold("2025-03-20", gone="2025-03-21"), [None] * 5),
        ("two of one day are one", sold("2025-03-20", "2025-03-20"), [None, None, "active", "sleeping", "pre_churn"]),
    ],
)
def test_seg_013_the_life_cycle_at_the_start_of_a_month_is_that_of_the_orders_before_it(
    name: str, orders: list[Sold], values: list[LifeCycle | None]
) -> None:
    found = life_cycles_at(orders, AT)
    assert found == values, name
    assert life_cycles_at(reversed(orders), AT) == found, "in whatever order they are stored"


REFUND = Sold(date(2025, 3, 25), None, "CNY", 0, -150_00)


@pytest.mark.parametrize(
    ("name", "sales", "cells"),
    [
        ("nothing bought", [], [None] * 5),
        ("once, for little: recent for sixty days", sold("2025-01-20"), ["100", "100", "000", "000", "000"]),
        ("on the border's own day", sold("2025-03-01"), [None, None, "100", "000", "000"]),
        ("often and much from the second on", sold("2025-01-20", "2025-03-20"), ["100", "100", "111", "111", "011"]),
        ("refunded whole in April", sold("2025-03-20", gone="2025-04-10"), [None, None, "100", None, None]),
        (
            "a refund of no order lessens what was spent from its day on",
            [*sold("2025-03-20", "2025-03-21"), REFUND],
            [None, None, "110", "110", "010"],
        ),
        ("a refund alone is no buyer", [REFUND], [None] * 5),
        (
            "another currency is not converted",
            [s._replace(currency="EUR") for s in sold("2025-03-20", net=900_00)],
            [None, None, "100", "100", "000"],
        ),
        ("beyond the window of twelve months", sold("2024-02-10"), ["000", None, None, None, None]),
    ],
)
def test_seg_019_the_cell_at_the_start_of_a_month_is_that_of_the_sales_before_it(
    name: str, sales: list[Sold], cells: list[str | None]
) -> None:
    """By fixed borders, as in a shop without statistics: 60 days, 2 orders, 200.00."""
    found = cells_at(sales, AT)
    assert found == cells, name
    assert cells_at(reversed(sales), AT) == found, "in whatever order they are stored"


def test_a_flow_is_told_for_each_month_with_a_life_cycle() -> None:
    found = flows_of(sold("2025-03-20", gone="2025-04-10"), AT)
    assert [flow[1:] for flow in found if flow.kind == "life_cycle"] == [
        (date(2025, 3, 1), None, "active"),
        (date(2025, 4, 1), "active", None),
    ]
    assert [flow[1:] for flow in found if flow.kind == "rfm"] == [
        (date(2025, 3, 1), None, "100"),
        (date(2025, 4, 1), "100", None),
    ]


def test_a_correction_takes_out_what_was_counted_and_puts_in_what_is_true() -> None:
    before, after = flows_of(sold("2025-03-20"), AT), flows_of(sold("2025-02-20", "2025-03-20"), AT)
    counts = dict.fromkeys(before, 1)
    for flow, number in difference(before, after).items():
        counts[flow] = counts.get(flow, 0) + number
    assert {flow: n for flow, n in counts.items() if n} == dict.fromkeys(after, 1)
    assert difference(after, after) == {}


def test_each_border_has_the_thresholds_of_its_own_instant() -> None:
    settings, stricter = (
        ShopSettings.always(ZoneInfo("Asia/Shanghai")),
        Thresholds(life_cycle=LifeCycleRules(active=50)),
    )
    versions = [Version(datetime(2025, 2, 28, 16, tzinfo=UTC), 1, stricter)]
    found = borders(shop_with(settings, (), datetime(2025, 6, 2, tzinfo=UTC), versions), MONTHS[0], MONTHS[1])
    assert [(each.day, each.thresholds.life_cycle.active) for each in found] == [
        (MONTHS[0], 100),
        (MONTHS[1], 50),
        (MONTHS[2], 50),
    ]
    assert {each.shop_gap_doubled for each in found} == {120}, "60 days, until the shop knows its own"

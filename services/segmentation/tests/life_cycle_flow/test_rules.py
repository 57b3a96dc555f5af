"""Where a customer goes in the life cycle from month to month: by the orders that counted at each border."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from common.events.segments import LifeCycle
from common.shops.settings import ShopSettings
from segmentation.life_cycle_flow.rules import Border, Sold, borders, difference, flows_of, values_at
from segmentation.shops.state import shop_with
from segmentation.thresholds.state import LifeCycleRules, Thresholds, Version

MONTHS = [date(2025, month, 1) for month in range(2, 7)]
AT = [Border(day, 2 * 30, Thresholds()) for day in MONTHS]
"""The shop's usual gap is 30 days; one own gap and the shop's two make the customer's."""


def sold(*days: str, gone: str | None = None) -> list[Sold]:
    return [Sold(date.fromisoformat(day), date.fromisoformat(gone) if gone else None) for day in days]


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
    found = values_at(orders, AT)
    assert found == values, name
    assert values_at(reversed(orders), AT) == found, "in whatever order they are stored"


def test_a_flow_is_told_for_each_month_with_a_life_cycle() -> None:
    found = flows_of(sold("2025-03-20", gone="2025-04-10"), AT)
    assert found == [(date(2025, 3, 1), None, "active"), (date(2025, 4, 1), "active", None)]


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

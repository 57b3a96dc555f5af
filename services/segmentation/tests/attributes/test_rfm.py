"""R, F and M measured, and scored against fixed thresholds and means (SEG-019, SEG-020)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from common.events.segments import RfmChanged
from segmentation.attributes.rfm import rules as rfm
from segmentation.purchases.entries import KnownOrder, Refund
from segmentation.thresholds.state import DEFAULT

from ..histories import facts, order, purchases, refund, some_statistics


@pytest.mark.parametrize(
    ("name", "orders", "refunds", "expected"),
    [
        ("nothing bought", [], [], None),
        ("all before the window", [order("2024-05-31", 100)], [], None),
        ("the window's first day counts", [order("2024-06-01", 100)], [], (365, 1, 100, "CNY")),
        ("F and M inside it alone", [order("2024-05-31", 7), order("2025-05-31", 9)], [], (1, 1, 9, "CNY")),
        ("less refunds", [order("2025-05-31", 9)], [refund("2025-06-01", "2025-05-31", 3)], (1, 1, 6, "CNY")),
        ("never below zero", [order("2025-05-31", 9)], [refund("2025-06-01", None, 30)], (1, 1, 0, "CNY")),
        ("refunded whole", [order("2025-05-31", 9)], [refund("2025-06-01", "2025-05-31", 9)], None),
        ("other money", [order("2025-05-31", 9)], [refund("2025-06-01", "2025-05-31", 9, "USD")], (1, 1, 9, "CNY")),
        ("a refund that waits", [order("2025-05-31", 9)], [refund("2025-06-01", "else", 3)], (1, 1, 9, "CNY")),
        ("one without order", [order("2025-05-31", 9)], [refund("2025-06-01", None, 3)], (1, 1, 6, "CNY")),
        ("in its window", [order("2025-05-31", 9)], [refund("2024-05-01", None, 3)], (1, 1, 9, "CNY")),
        ("two currencies", [order("2025-05-01", 5, "USD"), order("2025-05-31", 9)], [],
         (1, 2, 9, "CNY", (("USD", 5),))),
        ("the shop's", [order("2025-05-01", 5), order("2025-05-31", 9, "USD")], [], (1, 2, 5, "CNY", (("USD", 9),))),
        ("a free order", [order("2025-06-01", 0)], [], (0, 1, 0, "CNY")),
    ],
)  # fmt: skip
def test_seg_019_r_f_and_m_over_twelve_months(
    name: str, orders: list[tuple[str, KnownOrder]], refunds: list[tuple[str, Refund]], expected: Any
) -> None:
    found = rfm.measure(purchases(orders, refunds), date(2025, 6, 1), 12, "CNY")
    assert found == (rfm.Measure(*expected) if expected else None), name


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ((60, 2, 20_000, "CNY"), (True, True, True)),
        ((61, 1, 19_999, "CNY"), (False, False, False)),
        ((0, 1, 200, "JPY"), (True, False, True)),  # a currency without minor units
        ((0, 1, 199_999, "KWD"), (True, False, False)),  # one with three decimals
    ],
)
def test_fixed_thresholds_count_days_orders_and_whole_units(measured: Any, expected: Any) -> None:
    assert rfm.above_fixed(rfm.Measure(*measured), DEFAULT.rfm) == expected


@pytest.mark.parametrize(
    ("recency", "frequency", "monetary", "cell"),
    [(29, 3, 10_001, "111"), (30, 2, 10_000, "000"), (29, 2, 10_001, "101"), (31, 3, 10_001, "011")],
)
def test_mean_split_is_better_than_the_mean_and_equal_is_not(
    recency: int, frequency: int, monetary: int, cell: str
) -> None:
    high = rfm.above_mean(rfm.Measure(recency, frequency, monetary, "CNY"), some_statistics(), DEFAULT.rfm)
    assert "".join("1" if each else "0" for each in high) == cell


def test_a_currency_unknown_to_the_statistics_is_scored_by_the_fixed_amount() -> None:
    assert rfm.above_mean(rfm.Measure(0, 9, 20_000, "USD"), some_statistics(), DEFAULT.rfm) == (True, True, True)
    assert rfm.above_mean(rfm.Measure(0, 9, 19_999, "USD"), some_statistics(), DEFAULT.rfm) == (True, True, False)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("111", "important_value"), ("101", "important_development"), ("011", "important_keep"),
        ("001", "important_keep"), ("110", "general_value"), ("100", "general_value"), ("010", "general_value"),
        ("000", "general_value"),
    ],
)  # fmt: skip
def test_c_15_eight_cells_become_four_classes(cell: str, expected: str) -> None:
    """C-15, SEG-020."""
    assert rfm.CLASSES[cell] == expected


@pytest.mark.parametrize(
    ("buyers", "method", "confidence"), [(29, "fixed", "low"), (30, "mean", "medium"), (300, "mean", "high")]
)
def test_the_method_and_confidence_stand_on_every_score(buyers: int, method: str, confidence: str) -> None:
    found = rfm.score(
        purchases([order("2025-02-01", 100)], []), date(2025, 3, 1), some_statistics(buyers), DEFAULT.rfm, "CNY"
    )
    assert found is not None
    assert (found.method, found.confidence) == (method, confidence)


def test_seg_020_a_score_is_there_from_the_first_order_on(events: Any) -> None:
    seen = [d for _, d in facts([events.completed("c1", "2025-01-01T10:00", 20_000)]) if isinstance(d, RfmChanged)]
    assert [(d.cell, d.rfm_class, d.method, d.confidence) for d in seen] == [
        ("101", "important_development", "fixed", "low")
    ]


def test_the_means_are_said_in_the_currency_and_not_in_its_minor_units() -> None:
    """SEG-013: for the shop's people; a currency without minor units keeps its amounts whole."""
    for currency, shown in (("USD", "120.64 USD"), ("JPY", "12064 JPY")):
        statistics = some_statistics(monetary={currency: (12_064 * 3, 3)})
        score = rfm.Score("111", "important_value", "mean", "high", 1, 9, 50_000, currency)
        assert rfm.why(score, statistics, DEFAULT.rfm).endswith(f"M above {shown}")

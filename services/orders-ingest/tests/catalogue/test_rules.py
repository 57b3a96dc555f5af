"""A product's mark on the day of a purchase, what lines take from the catalogue, and what a product lacks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events.catalogue import MarkedSince, ProductFields
from common.events.orders import OrderLine, OrderPaid
from orders_ingest.catalogue.rules import NEEDED, filled, mark_at, missing_of
from orders_ingest.orders.rules import bought_at

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MARKS = (
    MarkedSince(mark="new", since=START, until=START + 30 * DAY),
    MarkedSince(mark="hot", since=START + 60 * DAY),
    MarkedSince(mark="clearance", since=START + 90 * DAY, until=START + 100 * DAY),
)


@pytest.mark.parametrize(
    ("day", "mark"),
    [(-1, "regular"), (0, "new"), (29, "new"), (30, "regular"), (60, "hot"), (89, "hot"), (90, "clearance"),
     (99, "clearance"), (100, "regular")],
)  # fmt: skip
def test_a_mark_holds_from_its_day_until_its_end_or_the_next(day: int, mark: str) -> None:
    """ORD-008."""
    assert mark_at(MARKS, START + day * DAY) == mark


@given(st.permutations(MARKS), st.integers(-5, 120))
def test_the_order_in_which_marks_are_sent_changes_nothing(marks: list[MarkedSince], day: int) -> None:
    assert mark_at(marks, START + day * DAY) == mark_at(MARKS, START + day * DAY)


def test_what_the_shop_says_of_a_line_stands_and_the_rest_is_filled_in() -> None:
    product = ProductFields(name="Tea", category="green", brand="House", size="sample", marks=MARKS)
    said = OrderLine(sku="a", category="black", quantity=1, mark="clearance")
    silent, other = OrderLine(sku="a", quantity=2), OrderLine(sku="b", quantity=3)
    lines = filled((said, silent, other), {"a": product}, START)
    assert lines == (
        OrderLine(sku="a", name="Tea", category="black", brand="House", size="sample", mark="clearance", quantity=1),
        OrderLine(sku="a", name="Tea", category="green", brand="House", size="sample", mark="new", quantity=2),
        other,
    )
    assert filled(lines, {"a": product}, START) is lines


@pytest.mark.parametrize(
    ("times", "days"),
    [({}, 9), ({"paid_at": 2}, 2), ({"paid_at": 2, "placed_at": 1}, 1), ({"paid_at": 2, "deposit_paid_at": 0}, 0)],
)
def test_an_order_was_made_when_it_was_placed_or_else_paid(times: dict[str, int], days: int) -> None:
    order: dict[str, Any] = {"order_id": "o", "state": "paid", "currency": "CNY", "goods_paid": 1}
    version = OrderPaid.model_validate({**order, **{name: START + day * DAY for name, day in times.items()}})
    assert bought_at(version, START + 9 * DAY) == START + days * DAY


def test_a_product_lacks_what_a_first_time_buyer_needs_to_know() -> None:
    """ORD-042."""
    assert missing_of(ProductFields()) == list(NEEDED)
    whole = ProductFields(name="Tea", category="green", brand="House", description="Fine", image="https://x", price=0)
    assert missing_of(whole) == []
    assert missing_of(whole.having(brand="", image=None)) == ["brand", "image"]

"""How one order stands now: what a compensation, and a reward, are decided by."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.events.orders import OrderEvent, OrderRefunded
from feedback.standing.rules import Stood, stood

Told = tuple[datetime, OrderEvent | OrderRefunded]

NOON = datetime(2025, 3, 5, 12, tzinfo=UTC)
LINES = [{"sku": "cup", "quantity": 2, "paid": 1_500}]


def version(revision: int, state: str, day: int = 0, lines: Any = ()) -> Told:
    body = OrderEvent.model_validate(
        {"order_id": "o", "state": state, "revision": revision, "currency": "CNY", "goods_paid": 1_500, "lines": lines}
    )
    return NOON + timedelta(days=day), body


def refund(amount: int, day: int = 9, **more: Any) -> Told:
    body = OrderRefunded.model_validate(
        {"refund_id": "r", "order_id": "o", "amount": amount, "currency": "CNY", **more}
    )
    return NOON + timedelta(days=day), body


@pytest.mark.parametrize(
    ("inputs", "remaining", "came", "completed"),
    [
        pytest.param([version(1, "placed")], 0, None, False, id="never paid"),
        pytest.param([version(1, "paid")], 1_500, None, False, id="paid, not come"),
        pytest.param([version(1, "paid"), version(2, "delivered", 2)], 1_500, 2, False, id="delivered"),
        pytest.param(
            [version(1, "delivered", 2), version(2, "completed", 5)], 1_500, 2, True, id="completed: it came before"
        ),
        pytest.param([version(1, "completed", 2), version(2, "closed", 5)], 0, 2, False, id="closed"),
        pytest.param([version(1, "completed"), refund(500)], 1_000, 0, True, id="a part refunded"),
        pytest.param([version(1, "completed"), refund(100, whole=True)], 0, 0, False, id="the whole, by the mark"),
        pytest.param(
            [version(1, "completed", 0, LINES), refund(1_200, lines=[{"sku": "cup", "quantity": 2}])],
            0,
            0,
            False,
            id="the whole by its lines, less a fee",
        ),
        pytest.param(
            [version(1, "completed", 0, LINES), refund(1_000, lines=[{"sku": "cup", "quantity": 1}])],
            500,
            0,
            True,
            id="one piece of two",
        ),
    ],
)
def test_an_order_in_whatever_order_its_news_came(
    inputs: list[Told], remaining: int, came: int | None, completed: bool
) -> None:
    """FBK-030, FBK-047: what was refunded whole, by mark or lines, counts for nothing anywhere."""
    for mixed in itertools.permutations(inputs):
        found = stood(mixed)
        assert found is not None
        assert (found.remaining, found.currency, found.completed) == (remaining, "CNY", completed)
        assert found.came_at == (None if came is None else NOON + timedelta(days=came))


def test_a_refund_alone_is_no_order() -> None:
    assert stood([refund(100)]) is None
    assert isinstance(stood([refund(100), version(1, "paid")]), Stood)

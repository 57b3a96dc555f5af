"""Folding a member costs what its inputs are, not their square: counted in calls of Python functions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any

import pytest

from common.events import Event
from common.events.membership import MemberCheckedIn, PointsRedeemed
from common.events.orders import OrderCompleted, OrderRefunded
from common.fold.folding import fold_all
from membership.fold import MemberFolding
from membership.programme.programme import Programme, Tier

from .stories import CUSTOMER, SHOP, rules

START = datetime(2024, 1, 10, 4, tzinfo=UTC)
LOW = Programme(tiers=(Tier(name="Regular"), Tier(name="Senior", spend=10**12)))
"""A ladder that nobody climbs, so that each order is evaluated."""


def _event(number: int, at: timedelta, data: Any) -> Event[Any]:
    return Event(f"e{number}", f"/shops/{SHOP}/web", SHOP, CUSTOMER, START + at, data)


def orders(count: int, apart: timedelta = timedelta(seconds=1)) -> list[Event[Any]]:
    return [
        _event(n, n * apart, OrderCompleted(order_id=f"o{n}", state="completed", currency="CNY", goods_paid=1_000))
        for n in range(count)
    ]


def refunded(count: int) -> list[Event[Any]]:
    """Each order is refunded in part soon after it, while others come."""
    return orders(count) + [
        _event(
            count + n,
            timedelta(seconds=n + 3),
            OrderRefunded(refund_id=f"f{n}", order_id=f"o{n}", amount=500, currency="CNY"),
        )
        for n in range(count)
    ]


def redeemed(count: int) -> list[Event[Any]]:
    return orders(count) + [
        _event(
            count + n,
            timedelta(seconds=n + 0.5),
            PointsRedeemed(redemption_id=f"r{n}", points=3, worth=3, currency="CNY"),
        )
        for n in range(1, count)
    ]


def over_years(count: int) -> list[Event[Any]]:
    """Terms, reviews and expiries among the orders."""
    return orders(count, timedelta(days=9))


def checked_in(count: int) -> list[Event[Any]]:
    return orders(2) + [_event(9 + n, timedelta(days=n), MemberCheckedIn()) for n in range(count)]


def calls_of(events: list[Event[Any]], programme: Programme | None) -> int:
    """How many Python functions are called while the events are folded from the start."""
    folding, counted = MemberFolding({SHOP: rules(programme)}), 0

    def count(_frame: FrameType, what: str, _argument: Any) -> None:
        nonlocal counted
        counted += what == "call"

    sys.setprofile(count)
    try:
        fold_all(folding, events, None, (SHOP, CUSTOMER))
    finally:
        sys.setprofile(None)
    return counted


@pytest.mark.parametrize("programme", [None, LOW], ids=["who rises", "who stays low"])
@pytest.mark.parametrize("history", [orders, refunded, redeemed, over_years, checked_in])
def test_twice_the_history_is_twice_the_work(
    history: Callable[[int], list[Event[Any]]], programme: Programme | None
) -> None:
    fold = calls_of(history(100), programme), calls_of(history(200), programme)
    assert fold[1] < 2.3 * fold[0]

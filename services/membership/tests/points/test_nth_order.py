"""A bonus for every n-th completed order, once, however orders come back (MEM-045)."""

from __future__ import annotations

from typing import Any

import pytest

from common.events import Event
from membership.points.state import ORDER_POINTS, Points
from membership.programme.programme import OrderBonus, PointsRules, Programme

from ..stories import completed, fold, lots, refund

THIRD = Programme(points=PointsRules(every=OrderBonus(orders=3, points=50)))


def bought(*names: str) -> list[Event[Any]]:
    """One order a day of 1.00 each, which earns a point."""
    return [completed(f"2025-01-{day:02}", name, 100) for day, name in enumerate(names, 1)]


@pytest.mark.parametrize(
    ("events", "available"),
    [
        (bought("a", "b"), 2),
        (bought("a", "b", "c"), 3 + 50),
        (bought("a", "b", "c", "d", "e"), 5 + 50),
        (bought("a", "b", "c", "d", "e", "f"), 6 + 100),
        # A part of the n-th order comes back: it is still the n-th.
        ([*bought("a", "b", "c"), refund("2025-02-01", "c", 50)], 2 + 50),
        # All of it: the bonus goes, and comes with the next order that is the third.
        ([*bought("a", "b", "c"), refund("2025-02-01", "c", 100)], 2),
        ([*bought("a", "b", "c"), refund("2025-02-01", "c", 100), completed("2025-02-02", "d", 100)], 3 + 50),
        # Another one comes back: the third was bought all the same, and the next one earns no second bonus.
        ([*bought("a", "b", "c"), refund("2025-02-01", "b", 100), completed("2025-02-02", "d", 100)], 3 + 50),
    ],
)
def test_every_third_order_earns_a_bonus_once(events: list[Event[Any]], available: int) -> None:
    state, _ = fold(events, programme=THIRD)
    assert Points.of(state).available == available


def test_the_bonus_is_in_the_lot_of_its_order_and_expires_with_it() -> None:
    state, _ = fold(bought("a", "b", "c"), programme=THIRD)
    assert lots(state)["c"].available == 51
    assert ORDER_POINTS.get(state, "c") is not None


def test_where_the_programme_gives_none_there_is_none() -> None:
    state, _ = fold(bought("a", "b", "c"))
    assert Points.of(state).available == 3

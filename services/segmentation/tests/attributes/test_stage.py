"""The stage of a customer, and from when on (SEG-001 to SEG-004)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from common.events.segments import StageChanged
from segmentation.purchases.entries import order_item

from ..histories import at, facts, fold


def test_seg_001_who_only_registered_is_a_prospect(events: Any) -> None:
    assert fold([events.registered("c1", "2025-01-01T10:00")]).stage.value == "prospect"


def test_seg_002_who_browsed_is_new(events: Any) -> None:
    found = fold([events.registered("c1", "2025-01-01T10:00"), events.viewed("c1", "2025-01-01T10:01")])
    assert found.stage.value == "new"


@pytest.mark.parametrize(
    ("completed", "stage", "repurchaser"), [(0, "new", False), (1, "returning", False), (2, "returning", True)]
)
def test_t_4_18_paid_is_not_enough_one_completed_order_makes_returning_and_two_a_repurchaser(
    events: Any, completed: int, stage: str, repurchaser: bool
) -> None:
    """T-4.18, C-1, SEG-002 to 004: returning and repurchaser are two fields."""
    history = [events.paid("c1", "2025-01-01T10:00", "o-a")]
    history += [events.completed("c1", f"2025-01-0{n + 2}T10:00", order=f"o-{n}") for n in range(completed)]
    found = fold(history)
    assert (found.stage.value, found.stage.is_repurchaser) == (stage, repurchaser)


def test_seg_003_the_first_confirmation_is_announced_at_once(events: Any) -> None:
    seen = facts([events.paid("c1", "2025-01-01T10:00", "o1"), events.completed("c1", "2025-01-03T10:00", order="o1")])
    assert [(when, d.old, d.new) for when, d in seen if isinstance(d, StageChanged)] == [
        (at("2025-01-01T10:00"), None, "new"),
        (at("2025-01-03T10:00"), "new", "returning"),
    ]


def test_an_order_that_is_closed_after_all_was_no_successful_transaction(events: Any) -> None:
    """SEG-003: it makes nobody a returning customer."""
    found = fold(
        [
            events.completed("c1", "2025-01-03T10:00", order="o1", revision=3),
            events.closed("c1", "2025-01-04T10:00", order="o1", revision=4),
        ]
    )
    assert (found.stage.value, found.purchases.completed) == ("new", 0)
    assert (found.rfm.score, found.life_cycle.value) == (None, None)


def test_an_older_version_of_an_order_changes_nothing_and_a_newer_one_its_amount(events: Any) -> None:
    found = fold(
        [
            events.completed("c1", "2025-01-03T10:00", 5_000, order="o1", revision=3),
            events.completed("c1", "2025-01-04T10:00", 7_000, order="o1", revision=4),
            events.completed("c1", "2025-01-05T10:00", 9_000, order="o1", revision=2),
            events.closed("c1", "2025-01-06T10:00", order="o1", revision=1),
        ]
    )
    order = found.items.get(order_item("o1"))
    assert order is not None
    assert (order.goods, order.day) == (7_000, date(2025, 1, 3))

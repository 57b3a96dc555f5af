"""The collector of a serving process, and what lets it rest."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from common.events import Event, decode
from common.events.orders import OrderCompleted
from common.process.collector import THRESHOLDS, settle_collector


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    gc.unfreeze()  # the tests' own, see conftest.py
    yield
    gc.enable()
    gc.freeze()
    gc.set_threshold(*before)


def test_what_was_loaded_is_set_aside_and_the_rest_is_looked_through_seldom() -> None:
    settle_collector()
    assert gc.get_threshold() == THRESHOLDS
    assert gc.get_freeze_count() > 10_000


def test_events_that_are_read_numbered_and_written_leave_nothing_to_collect() -> None:
    """Memory stays flat without the collector, as all of it is freed by its count of references."""
    order = OrderCompleted(order_id="o-1", state="completed", currency="CNY", goods_paid=100)
    raw = Event("e1", "/shops/demo/backend", "demo", "ann", datetime(2025, 1, 2, tzinfo=UTC), order).encode()
    decode(raw)
    gc.collect()
    gc.disable()
    for number in range(100):
        event = decode(raw)
        event.with_data(event.data.with_revision(number)).encode()
    assert gc.collect() == 0

"""Which event makes which message."""

from __future__ import annotations

from typing import Any

import pytest

from common.events import Event
from common.events.membership import TierChanged
from common.events.orders import OrderCompleted, OrderPlaced, OrderShipped
from common.events.segments import SegmentEntered
from messaging.flows.registry import candidates_for

from ..situations import TUESDAY_TEN


def event(data: Any, id: str = "e1", subject: str | None = "c") -> Event[Any]:
    return Event(id=id, source="/shops/s/x", shop="s", subject=subject, time=TUESDAY_TEN, data=data)


def order(kind: Any, state: str) -> Any:
    return kind(order_id="o1", state=state, currency="CNY", goods_paid=100, tracking="SF1")


@pytest.mark.parametrize(
    ("data", "flows"),
    [
        (order(OrderPlaced, "placed"), ["order_placed"]),
        (order(OrderShipped, "shipped"), ["order_shipped"]),
        (order(OrderCompleted, "completed"), []),  # a history without states notifies nobody
        (TierChanged(old="Regular", new="Senior", direction="up", reason="upgrade"), ["tier"]),
        (TierChanged(old="Senior", new="Regular", direction="down", reason="downgrade"), []),
        (TierChanged(old="Senior", new="Senior", direction="same", reason="renewal"), []),
        (SegmentEntered(segment="lapsed", episode="2025-01-04", since=TUESDAY_TEN), ["lapse"]),
        (SegmentEntered(segment="vip_city", episode="1", since=TUESDAY_TEN), []),
    ],
)
def test_which_event_makes_which_candidate(data: Any, flows: list[str]) -> None:
    """MSG-037, MSG-038: lapse, order confirmation and shipping notice are triggered by their events."""
    assert [c.flow for c in candidates_for(event(data), ["email"])] == flows
    assert candidates_for(event(data, subject=None), ["email"]) == []


def test_the_same_cause_makes_the_same_message_however_often_it_is_announced() -> None:
    """MSG-037: once per lapse episode; one notice for each state of an order."""
    entered = SegmentEntered(segment="lapsed", episode="2025-01-04", since=TUESDAY_TEN)
    first, again = candidates_for(event(entered, "e1"), ["email"]), candidates_for(event(entered, "e2"), ["email"])
    assert first[0].message_id == again[0].message_id
    other = SegmentEntered(segment="lapsed", episode="2025-09-09", since=TUESDAY_TEN)
    assert candidates_for(event(other), ["email"])[0].message_id != first[0].message_id

"""Which event makes which message."""

from __future__ import annotations

from typing import Any

import pytest

from common.events import Event
from common.events.membership import TierChanged
from common.events.orders import (
    DeliveryPromiseBroken,
    OrderCompleted,
    OrderLogisticsUpdated,
    OrderPlaced,
    OrderReceiptDue,
    OrderShipped,
)
from common.events.segments import SegmentEntered
from messaging.flows.book import Books
from messaging.flows.starting import candidates_of, starts
from messaging.flows.state import Candidate

from ..situations import TUESDAY_TEN


def event(data: Any, id: str = "e1", subject: str | None = "c") -> Event[Any]:
    return Event(id=id, source="/shops/s/x", shop="s", subject=subject, time=TUESDAY_TEN, data=data)


def candidates_for(happened: Event[Any], channels: Any) -> list[Candidate]:
    """What an event makes by the library, of flows that are one message at once."""
    book = Books().at(happened.time)
    return [c for start in starts(book, happened) for c in candidates_of(start, happened, channels)]


def order(kind: Any, state: str, **fields: Any) -> Any:
    return kind(order_id="o1", state=state, currency="CNY", goods_paid=100, tracking="SF1", **fields)


def word(status: Any, tracking: str | None = "SF1") -> OrderLogisticsUpdated:
    return OrderLogisticsUpdated(order_id="o1", status=status, tracking=tracking)


@pytest.mark.parametrize(
    ("data", "flows"),
    [
        (order(OrderPlaced, "placed"), ["order_placed"]),
        (order(OrderShipped, "shipped"), ["order_shipped"]),
        (order(OrderCompleted, "completed"), []),  # a history without states notifies nobody
        (order(OrderShipped, "shipped", again=True), []),  # a correction notifies nobody once more
        (OrderReceiptDue(order_id="o1", delivered_at=TUESDAY_TEN, completes_at=TUESDAY_TEN), ["order_receipt_due"]),
        (word("accepted"), []),  # the notice that the order is on its way says it
        (word("out_for_delivery"), ["parcel_out_for_delivery"]),
        (word("exception", None), ["parcel_exception"]),
        (word("delivered"), []),  # the order's own notice says it
        (DeliveryPromiseBroken(order_id="o1", promised_by=TUESDAY_TEN), ["delivery_late"]),
        (
            DeliveryPromiseBroken(order_id="o1", promised_by=TUESDAY_TEN, delivered_at=TUESDAY_TEN),
            ["delivered_late"],
        ),
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


def test_each_word_of_a_carrier_about_each_parcel_makes_one_notice() -> None:
    """MSG-038: an order's two parcels are told apart by their tracking numbers."""
    said = [word("customs"), word("customs"), word("customs", "SF2"), word("out_for_delivery")]
    ids = [candidates_for(event(data, f"e{n}"), ["email"])[0].message_id for n, data in enumerate(said)]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3

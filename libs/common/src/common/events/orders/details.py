"""What is told about an order besides its state: parcels, requests, returns, the way to it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from common.events.envelope import EventData
from common.events.fields import (
    Count,
    Identifier,
    Instant,
    PersonalText,
    Revision,
    Text,
)
from common.events.orders.lines import MAX_LINES, OrderLine, ReasonCode


class OrderDetail(EventData):
    """Something that an order has several of, each with a name of its own within the order; published for its customer.

    Each name is told once in each of its states, whatever the way it comes (ORD-031). `name` and `stage` say which
    it is, and how far it has got: a later stage wins whenever it comes. `NAMED_BY` is the field that holds the name.
    """

    TOPIC: ClassVar[str] = "orders"
    NAMED_BY: ClassVar[str]
    order_id: Identifier

    @property
    def name(self) -> str:
        """What the detail is called within its order, among those of its type; empty where it has no name."""
        return getattr(self, self.NAMED_BY) or ""

    @property
    def stage(self) -> int:
        """How far it has got; 0 where it has one state alone."""
        return 0


class OrderSpecialRequest(OrderDetail):
    """What a customer asked for with an order, open until it is done (ORD-011)."""

    TYPE: ClassVar[str] = "order.special_request"
    RANK: ClassVar[int] = 105
    NAMED_BY: ClassVar[str] = "request_id"
    request_id: Identifier
    state: Literal["open", "done"] = "open"
    text: PersonalText | None = None

    @property
    def stage(self) -> int:
        return int(self.state == "done")


class ParcelPacked(OrderDetail):
    """What was put into a parcel: goods, gifts and samples as lines, inserts by name, the QR code's id (ORD-037)."""

    TYPE: ClassVar[str] = "parcel.packed"
    RANK: ClassVar[int] = 118
    NAMED_BY: ClassVar[str] = "parcel_id"
    parcel_id: Identifier
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=MAX_LINES)] = ()
    inserts: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    qr_code: Identifier | None = None
    tracking: Text | None = None


class OrderLogisticsUpdated(OrderDetail):
    """The carrier's newest word of a parcel, at `time` of the event; a parcel is known by `tracking` (ORD-032).

    Carriers write names, neighbours and addresses into `place` and `detail`: they are personal.
    """

    TYPE: ClassVar[str] = "order.logistics_updated"
    RANK: ClassVar[int] = 135
    NAMED_BY: ClassVar[str] = "tracking"
    status: Literal["accepted", "in_transit", "customs", "out_for_delivery", "delivered", "exception", "sent_back"]
    carrier: Text | None = None
    tracking: Text | None = None
    place: PersonalText | None = None
    detail: PersonalText | None = None
    expected_at: Instant | None = None


class OrderReceiptDue(EventData):
    """A delivered order was not confirmed yet, and completes by itself at `completes_at` (ORD-031)."""

    TYPE: ClassVar[str] = "order.receipt_due"
    TOPIC: ClassVar[str] = "orders"
    RANK: ClassVar[int] = 145
    order_id: Identifier
    delivered_at: Instant
    completes_at: Instant


class DeliveryPromiseBroken(EventData):
    """An order was not delivered by the time that the shop promised (ORD-034).

    `delivered_at` is None where it was not delivered at all when that was found.
    """

    TYPE: ClassVar[str] = "delivery.promise_broken"
    TOPIC: ClassVar[str] = "orders"
    RANK: ClassVar[int] = 146
    order_id: Identifier
    promised_by: Instant
    delivered_at: Instant | None = None


class OrderReturned(OrderDetail):
    """Goods that come back (ORD-035): `open` while they are on their way, then `received`, or `withdrawn` and kept."""

    TYPE: ClassVar[str] = "order.returned"
    RANK: ClassVar[int] = 171
    NAMED_BY: ClassVar[str] = "return_id"
    return_id: Identifier
    state: Literal["open", "withdrawn", "received"] = "received"
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=MAX_LINES)] = ()
    reason_code: ReasonCode | None = None
    reason: PersonalText | None = None

    @property
    def stage(self) -> int:
        return ("open", "withdrawn", "received").index(self.state)


class OrderExchanged(OrderDetail):
    """Goods given back for others (ORD-035): `lines` came back, `sent` went out, as part of `new_order_id` if named."""

    TYPE: ClassVar[str] = "order.exchanged"
    RANK: ClassVar[int] = 172
    NAMED_BY: ClassVar[str] = "exchange_id"
    exchange_id: Identifier
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=MAX_LINES)] = ()
    sent: Annotated[tuple[OrderLine, ...], Field(max_length=MAX_LINES)] = ()
    new_order_id: Identifier | None = None
    reason_code: ReasonCode | None = None
    reason: PersonalText | None = None


class OrderReshipped(OrderDetail):
    """Goods of an order that were sent once more, such as after a loss (ORD-035)."""

    TYPE: ClassVar[str] = "order.reshipped"
    RANK: ClassVar[int] = 173
    NAMED_BY: ClassVar[str] = "reshipment_id"
    reshipment_id: Identifier
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=MAX_LINES)] = ()
    carrier: Text | None = None
    tracking: Text | None = None
    reason_code: ReasonCode | None = None
    reason: PersonalText | None = None


class OrderJourneyMeasured(EventData):
    """The way to an order, within the look-back before it was placed; late news measures it anew (ORD-022, 027, 028).

    Of an order the highest `revision` counts. `silent`: no chat. `decision_seconds`: from first view to order, None
    where nothing was viewed. `compared_items`: different products viewed. `reviews_viewed`: views of the panels of
    reviews and of past sales.
    """

    TYPE: ClassVar[str] = "order.journey_measured"
    TOPIC: ClassVar[str] = "orders"
    RANK: ClassVar[int] = 102
    order_id: Identifier
    silent: bool
    decision_seconds: Annotated[int, Field(ge=0, le=10**9)] | None = None
    compared_items: Count = 0
    reviews_viewed: Count = 0
    chats: Count = 0
    chat_seconds: Count = 0
    revision: Revision = 0

"""Events that orders-ingest publishes on `orders`: what happened to an order (ORD-001, ORD-003, ORD-035)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from common.events.envelope import EventData
from common.events.fields import (
    Count,
    Currency,
    Identifier,
    Instant,
    Minor,
    PersonalText,
    Revision,
    Text,
)

MAX_LINES = 5_000
"""Lines of one order."""

OrderState = Literal["placed", "paid", "shipped", "in_transit", "delivered", "completed", "closed"]
OrderKind = Literal["ordinary", "subscription", "pre_sale"]
ProductMark = Literal["new", "hot", "clearance", "regular"]
ProductSize = Literal["full_size", "sample"]
EntryPath = Literal[
    "already_bought", "favourites", "search", "ad", "group", "qr_code", "affiliate", "email", "home", "other"
]
ReasonCode = Literal[
    "size",
    "quality",
    "damaged",
    "wrong_item",
    "wrong_address",
    "not_as_described",
    "late",
    "not_received",
    "changed_mind",
    "other",
]


class OrderLine(EventData):
    """One line; `paid` is what was actually paid for it after discounts (ORD-003, ORD-004, ORD-010).

    `kind` says whether it was sold: gifts and free samples are no revenue. `size` is the product's: full size or trial
    size. `mark` is the product's place in the shop's range on the day of the purchase (ORD-008).
    """

    sku: Text
    name: Text | None = None
    category: Text | None = None
    brand: Text | None = None
    kind: Literal["goods", "gift", "sample"] = "goods"
    size: ProductSize | None = None
    mark: ProductMark | None = None
    quantity: Count
    unit_price: Minor | None = None
    paid: Minor = 0


class PromotionUse(EventData):
    """One coupon, promotion, code or other discount that was used on an order (ORD-014).

    `code` is the shop's name of it; `amount` is what it took off the order, in minor units of the order's currency.
    """

    kind: Literal[
        "coupon",
        "promotion",
        "secret_code",
        "threshold",
        "flash_sale",
        "points",
        "tier_price",
        "free_shipping",
        "other",
    ]
    code: Text | None = None
    amount: Minor = 0


class OrderFields(EventData):
    """What an order is, but for its name and its personal fields: the same in the event, in an upsert and as shown.

    `goods_paid` is what was paid for goods: after discounts, coupons and points, without freight, before refunds.
    Times of day in UTC or with an offset.
    """

    state: OrderState
    kind: OrderKind = "ordinary"
    currency: Currency
    goods_paid: Minor
    freight: Minor = 0
    list_total: Minor | None = None
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=MAX_LINES)] = ()
    placed_at: Instant | None = None
    paid_at: Instant | None = None
    shipped_at: Instant | None = None
    delivered_at: Instant | None = None
    completed_at: Instant | None = None
    closed_at: Instant | None = None
    plan: Identifier | None = None  # of a subscription: its plan, one for all its orders (ORD-012)
    deposit: Minor | None = None  # of a pre-sale (ORD-013)
    deposit_paid_at: Instant | None = None
    balance_due_at: Instant | None = None
    balance_paid_at: Instant | None = None
    promised_by: Instant | None = None  # when the shop promised to have delivered (ORD-034)
    carrier: Text | None = None
    tracking: Text | None = None
    platform: Text | None = None
    traffic_source: Text | None = None
    entry_path: EntryPath | None = None  # how the customer came to the shop for this order (ORD-023)
    credit_level: Text | None = None  # the platform's of the buyer at the time of the order (ORD-016)
    promotions: Annotated[tuple[PromotionUse, ...], Field(max_length=100)] = ()
    points_used: Count | None = None
    redemption_id: Identifier | None = None  # points redeemed on this order (membership's command)
    payer: Identifier | None = None  # the customer who paid, where another one ordered or wished for it (ORD-018)
    region: Text | None = None  # of the address: province or state
    city: Text | None = None


class OrderPersonal(EventData):
    """The personal fields of an order; `recipient` is who gets the parcel, the buyer or somebody else (ORD-015)."""

    remark: PersonalText | None = None
    recipient: PersonalText | None = None
    recipient_phone: PersonalText | None = None
    address: PersonalText | None = None


class OrderEvent(OrderFields, OrderPersonal):
    """The whole order as it stands: state travels with the event."""

    TOPIC: ClassVar[str] = "orders"
    order_id: Identifier
    again: bool = False  # told in this state before: a correction, of which nobody is notified once more (ORD-031)
    version: Revision | None = None  # the shop's own version number of the order, if it keeps one
    revision: Revision = 0


class OrderPlaced(OrderEvent):
    TYPE: ClassVar[str] = "order.placed"
    RANK: ClassVar[int] = 100


class OrderPaid(OrderEvent):
    TYPE: ClassVar[str] = "order.paid"
    RANK: ClassVar[int] = 110


class OrderShipped(OrderEvent):
    TYPE: ClassVar[str] = "order.shipped"
    RANK: ClassVar[int] = 120


class OrderInTransit(OrderEvent):
    TYPE: ClassVar[str] = "order.in_transit"
    RANK: ClassVar[int] = 130


class OrderDelivered(OrderEvent):
    TYPE: ClassVar[str] = "order.delivered"
    RANK: ClassVar[int] = 140


class OrderCompleted(OrderEvent):
    """Confirmed: only this makes somebody a returning customer (SEG-003).

    `sequence` is given by orders-ingest when the order first completes, and never changes: 1 for the first completed
    order of the customer, and one more for each that completes later, however long ago it happened (ORD-002). None
    where the order is nobody's. An order that is closed afterwards keeps its number.
    """

    TYPE: ClassVar[str] = "order.completed"
    RANK: ClassVar[int] = 150
    sequence: Revision | None = None


class OrderClosed(OrderEvent):
    """Ended without completing: cancelled or expired."""

    TYPE: ClassVar[str] = "order.closed"
    RANK: ClassVar[int] = 160


class OrderRefunded(EventData):
    """One refund, partial or full; `amount` is of goods, `freight` of postage. `order_id` is None: none matched.

    `whole`: the shop says that the order is taken back entirely, whatever lines and amounts say. Where nothing was paid
    for goods (an order paid with points), a refund of amount 0 without lines and freight is one of the whole too.

    `in_all_at`: as it is sent, the amounts are all that was paid back of the order until then, as an export says it; as
    it is published, what of that had not counted before. `counted_before`: what of a single refund, goods and freight
    together, such a sum had counted before it came; it is published with the rest alone.
    """

    TYPE: ClassVar[str] = "order.refunded"
    TOPIC: ClassVar[str] = "orders"
    RANK: ClassVar[int] = 170
    refund_id: Identifier
    order_id: Identifier | None = None
    amount: Minor
    currency: Currency
    freight: Minor = 0
    reason: PersonalText | None = None
    reason_code: ReasonCode | None = None
    lines: tuple[OrderLine, ...] = ()
    whole: bool = False
    in_all_at: Instant | None = None
    counted_before: Minor = 0


class OrderClaimed(EventData):
    """An order that had no customer has one from now on; keyed by the order, as all its events until then.

    The customer's own key gets those versions and refunds again, each under an id of its own: who counted the order
    as nobody's counts it there no more.
    """

    TYPE: ClassVar[str] = "order.claimed"
    TOPIC: ClassVar[str] = "orders"
    RANK: ClassVar[int] = 180
    order_id: Identifier
    customer: Identifier


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

"""An order from placed to completed or closed, and money that goes back."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from common.events.customers import LifeState
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
from common.events.orders.lines import MAX_LINES, EntryPath, OrderKind, OrderLine, OrderState, PromotionUse, ReasonCode


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
    """The whole order as it stands: state travels with the event.

    `life_state` is what the address tells of who lives or works there: derived by orders-ingest, where it is open, so
    that nobody else opens it (SEG-040).
    """

    TOPIC: ClassVar[str] = "orders"
    order_id: Identifier
    again: bool = False  # told in this state before: a correction, of which nobody is notified once more (ORD-031)
    version: Revision | None = None  # the shop's own version number of the order, if it keeps one
    life_state: LifeState | None = None
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

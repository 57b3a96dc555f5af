"""What a shop writes to its own topic `intake.<shop>`, with an example of each event that runs as it stands."""

from __future__ import annotations

from typing import Any

from common.events import EventData
from common.events.activity import (
    CartUpdated,
    ChatEnded,
    CheckoutInterrupted,
    CheckoutStep,
    ProductFavourited,
    ProductSearched,
    ProductViewed,
    VisitsCounted,
)
from common.events.catalogue import ProductChanged
from common.events.customers import ConsentChanged, CustomerRegistered, CustomerUpdated
from common.events.orders import (
    OrderClosed,
    OrderCompleted,
    OrderDelivered,
    OrderExchanged,
    OrderInTransit,
    OrderLogisticsUpdated,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    OrderReshipped,
    OrderReturned,
    OrderShipped,
    OrderSpecialRequest,
    ParcelPacked,
)

OF_THE_SHOP = (VisitsCounted, ProductChanged)
"""These concern no customer."""
SHOP, CUSTOMER = "teahouse", "ann"
_PROFILE = {"name": "Ann Li", "email": "ann@example.com", "phone": "+4930123456", "language": "en"}
_LINES = [{"sku": "longjing-250", "name": "Longjing, 250 g", "quantity": 1, "unit_price": 12900, "paid": 12900}]
_SENT = [{"sku": "longjing-250", "quantity": 1}]
_ORDER = {"order_id": "1001", "currency": "EUR", "goods_paid": 12900, "freight": 490, "lines": _LINES}
_STATES: dict[type[EventData], tuple[str, str]] = {
    OrderPlaced: ("placed", "2025-03-01T09:50:00+01:00"),
    OrderPaid: ("paid", "2025-03-01T09:52:00+01:00"),
    OrderShipped: ("shipped", "2025-03-02T08:00:00+01:00"),
    OrderInTransit: ("in_transit", "2025-03-02T18:00:00+01:00"),
    OrderDelivered: ("delivered", "2025-03-03T14:10:00+01:00"),
    OrderCompleted: ("completed", "2025-03-04T09:50:00+01:00"),
}
_SKU = {"sku": "longjing-250", "category": "green tea"}
EXAMPLES: dict[type[EventData], tuple[str, dict[str, Any]]] = {
    **{kind: (time, {**_ORDER, "state": state}) for kind, (state, time) in _STATES.items()},
    OrderClosed: (
        "2025-03-04T10:00:00+01:00",
        {"order_id": "1002", "state": "closed", "currency": "EUR", "goods_paid": 0},
    ),
    OrderRefunded: (
        "2025-03-05T10:00:00+01:00",
        {"refund_id": "1001-1", "order_id": "1001", "amount": 2900, "currency": "EUR"},
    ),
    OrderSpecialRequest: (
        "2025-03-01T09:53:00+01:00",
        {"order_id": "1001", "request_id": "wrap", "state": "open", "text": "Please wrap it."},
    ),
    ParcelPacked: (
        "2025-03-02T07:30:00+01:00",
        {
            "order_id": "1001",
            "parcel_id": "1001-p1",
            "lines": [{"sku": "longjing-250", "quantity": 1}, {"sku": "longjing-10", "kind": "sample", "quantity": 1}],
            "inserts": ["thank-you card"],
            "qr_code": "card-7",
            "tracking": "SF1001",
        },
    ),
    OrderLogisticsUpdated: (
        "2025-03-03T08:10:00+01:00",
        {
            "order_id": "1001",
            "status": "out_for_delivery",
            "carrier": "SF",
            "tracking": "SF1001",
            "place": "Berlin",
        },
    ),
    OrderReturned: (
        "2025-03-05T10:00:00+01:00",
        {"order_id": "1001", "return_id": "1001-r1", "state": "open", "reason_code": "size", "lines": _SENT},
    ),
    OrderExchanged: (
        "2025-03-06T10:00:00+01:00",
        {"order_id": "1001", "exchange_id": "1001-x1", "reason_code": "quality", "lines": _SENT, "sent": _SENT},
    ),
    OrderReshipped: (
        "2025-03-07T10:00:00+01:00",
        {
            "order_id": "1001",
            "reshipment_id": "1001-s1",
            "reason_code": "not_received",
            "carrier": "SF",
            "tracking": "SF1002",
            "lines": _SENT,
        },
    ),
    CustomerRegistered: ("2025-03-01T09:45:00+01:00", _PROFILE),
    CustomerUpdated: ("2025-03-04T11:00:00+01:00", {**_PROFILE, "zone": "Europe/Berlin"}),
    ConsentChanged: ("2025-03-01T09:46:00+01:00", {"channel": "email", "purpose": "marketing", "granted": True}),
    ProductViewed: ("2025-03-01T09:30:00+01:00", _SKU),
    ProductSearched: ("2025-03-01T09:29:00+01:00", {"terms": "green tea"}),
    ProductFavourited: ("2025-03-01T09:31:00+01:00", _SKU),
    CartUpdated: ("2025-03-01T09:32:00+01:00", _SKU),
    CheckoutInterrupted: ("2025-03-01T09:35:00+01:00", _SKU),
    CheckoutStep: ("2025-03-01T09:34:00+01:00", {"step": "address", "checkout_id": "co-77", "seconds": 35}),
    VisitsCounted: ("2025-03-01T10:05:00+01:00", {"hour": "2025-03-01T08:00:00Z", "source": "search", "visits": 412}),
    ProductChanged: (
        "2025-02-20T09:00:00+01:00",
        {
            "sku": "longjing-250",
            "name": "Longjing, 250 g",
            "category": "green tea",
            "brand": "Tea House",
            "size": "full_size",
            "description": "Roasted by hand, picked before the rains.",
            "image": "https://shop.example/longjing-250.jpg",
            "season": "spring",
            "launched_on": "2025-02-20",
            "category_heat": 80,
            "price": 12900,
            "currency": "EUR",
            "stock": 240,
            "marks": [{"mark": "new", "since": "2025-02-20T00:00:00+01:00"}],
        },
    ),
    ChatEnded: ("2025-03-01T09:40:00+01:00", {"seconds": 240}),
}
"""By class: when it happened, and its data. Every kind that orders-ingest takes has one (a test says so)."""


def example_of(kind: type[EventData]) -> dict[str, Any]:
    """The whole event as a shop writes it."""
    time, data = EXAMPLES[kind]
    subject = {} if kind in OF_THE_SHOP else {"subject": CUSTOMER}
    return {
        "specversion": "1.0",
        "id": f"example-{kind.TYPE}",
        "source": f"/shops/{SHOP}/backend",
        "type": kind.TYPE,
        **subject,
        "time": time,
        "data": data,
    }

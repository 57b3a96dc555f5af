"""What the way to an order comes to: silent or assisted, how long it took to decide, what was compared."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from common.events import Event
from common.events.activity import ChatEnded, ProductViewed
from common.events.orders import OrderEvent
from orders_ingest.journeys.state import Figures, Sign
from orders_ingest.orders.rules import bought_at

LOOK_BACK = timedelta(days=7)
"""Before an order, within which views and chats belong to it."""
KEPT = timedelta(days=60)
"""So long signs are kept. An order that comes later than that, less the look-back, is not measured."""
MEASURED = KEPT - LOOK_BACK
"""So long after it was placed an order is measured when it comes."""
_MOST_COUNTED = 1_000_000


def sign_of(event: Event[Any]) -> Sign | None:
    """What an activity says of the way to an order; None for one that says nothing."""
    data = event.data
    if isinstance(data, ProductViewed):
        return Sign(event.time, "view" if data.panel is None else "panel", data.sku or "")
    if isinstance(data, ChatEnded):
        seconds = data.seconds or 0
        return Sign(event.time - timedelta(seconds=seconds), "chat", data.order_id or "", seconds)
    return None


def placed_lately(versions: Iterable[Event[OrderEvent]], now: datetime) -> list[tuple[str, str, str, datetime]]:
    """Of versions that somebody ordered lately enough to be measured: shop, order, customer, when it was placed."""
    return [
        (event.shop, event.data.order_id, event.subject, at)
        for event in versions
        if event.subject is not None and (at := bought_at(event.data, event.time)) > now - MEASURED
    ]


def measured(order_id: str, placed_at: datetime, signs: Iterable[Sign]) -> Figures:
    """The figures of one order; `signs` in any order, also of other days and orders.

    A chat that names another order is that order's; one that names this order counts until the day after it too.
    """
    views: set[str] = set()
    first: datetime | None = None
    reviews = chats = seconds = 0
    for sign in signs:
        within = placed_at - LOOK_BACK <= sign.at <= placed_at
        if sign.kind == "chat":
            if sign.what == order_id or (within and not sign.what):
                chats, seconds = chats + 1, seconds + sign.seconds
            continue
        if not within:
            continue
        first = sign.at if first is None or sign.at < first else first
        if sign.kind == "panel":
            reviews += 1
        if sign.what:
            views.add(sign.what)
    return Figures(
        silent=chats == 0,
        decision_seconds=None if first is None else int((placed_at - first).total_seconds()),
        compared_items=min(len(views), _MOST_COUNTED),
        reviews_viewed=min(reviews, _MOST_COUNTED),
        chats=min(chats, _MOST_COUNTED),
        chat_seconds=min(seconds, _MOST_COUNTED),
    )

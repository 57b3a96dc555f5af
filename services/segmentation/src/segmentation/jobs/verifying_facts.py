"""What topics say of profiles, of how orders were bought, of reviews and complaints, and the rows that must say so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from common.events import Event
from common.events.customers import CustomerProfile
from common.events.feedback import ReviewSubmitted, SignalsNoted, TicketEvent
from common.events.orders import OrderCompleted, OrderJourneyMeasured
from common.events.segments import BuyerTypeChanged, PreferenceShifted
from common.verification import Expectation, Table, digest, rank
from segmentation.bought.store import platform_of
from segmentation.profiles.store import COLUMNS, values_of

TYPES = (OrderCompleted.TYPE, OrderJourneyMeasured.TYPE)
"""Of the orders of customers these alone are looked at."""
MISSING = {
    "profile": "a profile was published, and no row keeps it",
    "sent": "the address of an order told a life state, and no row keeps it",
    "bought": "an order was completed, and no row says how it was bought",
    "way": "the way to an order was measured, and no row keeps it",
    "review": "a review was submitted, and no row keeps it",
    "signals": "a text was read, and no row keeps what it shows",
    "type": "a buyer type was announced, and no row keeps it",
    "shift": "a shift of taste was announced, and no row keeps it",
    "complaint": "a complaint was opened or changed, and no row keeps it",
}


def expectations_of_facts(event: Event[Any]) -> Iterator[Expectation]:
    """What one event of a customer says of these tables."""
    data, key = event.data, event.customer
    if isinstance(data, CustomerProfile):
        yield Expectation(("profile", *key), digest(*values_of(data)), rank(data.revision, event.time))
    elif isinstance(data, OrderCompleted):
        units = sum(line.quantity for line in data.lines if line.kind == "goods")
        said = digest(data.revision, bool(data.promotions), units, data.entry_path, platform_of(data))
        yield Expectation(("bought", *key, data.order_id), said, rank(data.revision))
        yield Expectation(("sent", *key, data.order_id), digest(data.life_state), rank(data.revision))
    elif isinstance(data, OrderJourneyMeasured):
        said = digest(data.silent, data.decision_seconds, data.compared_items, data.reviews_viewed)
        yield Expectation(("way", *key, data.order_id), said, rank(data.revision))
    elif isinstance(data, ReviewSubmitted):
        yield Expectation(("review", *key, data.review_id), digest(data.stars, len(data.photos)))
    elif isinstance(data, SignalsNoted):
        said = digest(sorted(set(data.signals)))
        yield Expectation(
            ("signals", *key, data.source, data.name, data.part or ""), said, rank(len(data.reader), data.reader)
        )
    elif isinstance(data, BuyerTypeChanged):
        yield Expectation(("type", *key), digest(data.new, data.confidence), rank(data.revision))
    elif isinstance(data, PreferenceShifted):
        yield Expectation(("shift", *key), digest(list(data.rising), list(data.falling)), rank(data.revision))
    elif isinstance(data, TicketEvent):
        said = digest(data.kind, data.rating, data.resolved_at is not None)
        yield Expectation(("complaint", *key, data.ticket_id), said, rank(data.revision))


def _order(r: Any) -> list[tuple[tuple[str, ...], bytes | None]]:
    """An order, and the way to it; either may be known alone."""
    name = r.shop, r.customer, r.order_id
    found: list[tuple[tuple[str, ...], bytes | None]] = []
    if r.revision is not None:
        found.append((("bought", *name), digest(r.revision, r.promoted, r.units, r.entry_path, r.platform)))
        found.append((("sent", *name), digest(r.life_state)))
    if r.journey is not None:
        said = digest(r.silent, r.decision_seconds, r.compared_items, r.reviews_viewed)
        found.append((("way", *name), said))
    return found


def _profile(r: Any) -> list[tuple[tuple[str, ...], bytes | None]]:
    """What the shop says; a row may be there for what orders tell alone."""
    return [(("profile", r.shop, r.customer), digest(*tuple(r)[3:]))] if r.revision is not None else []


TABLES = (
    Table(
        "profiles",
        "profiles",
        f"t.shop, t.customer, t.revision, {', '.join(f't.{name}' for name in COLUMNS.split(', '))}",
        ("shop", "customer"),
        _profile,
    ),
    Table(
        "how orders were bought",
        "order_facts",
        "t.shop, t.customer, t.order_id, t.revision, t.promoted, t.units, t.entry_path, t.platform, t.journey, "
        "t.silent, t.decision_seconds, t.compared_items, t.reviews_viewed, t.life_state",
        ("shop", "customer", "order_id"),
        _order,
    ),
    Table(
        "reviews",
        "reviews",
        "t.shop, t.customer, t.review_id, t.stars, t.photos",
        ("shop", "customer", "review_id"),
        lambda r: [(("review", r.shop, r.customer, r.review_id), digest(r.stars, r.photos))],
    ),
    Table(
        "signals in texts",
        "signals",
        "t.shop, t.customer, t.source, t.name, t.part, t.signals",
        ("shop", "customer", "source", "name", "part"),
        lambda r: [(("signals", r.shop, r.customer, r.source, r.name, r.part), digest(sorted(r.signals)))],
    ),
    Table(
        "buyer types",
        "customer_types",
        "t.shop, t.customer, t.type, t.confidence",
        ("shop", "customer"),
        lambda r: [(("type", r.shop, r.customer), digest(r.type, r.confidence))],
    ),
    Table(
        "shifts of taste",
        "taste_shifts",
        "t.shop, t.customer, t.rising, t.falling",
        ("shop", "customer"),
        lambda r: [(("shift", r.shop, r.customer), digest(list(r.rising), list(r.falling)))],
    ),
    Table(
        "complaints",
        "complaints",
        "t.shop, t.customer, t.ticket_id, t.kind, t.rating, t.resolved_at is not null as resolved",
        ("shop", "customer", "ticket_id"),
        lambda r: [(("complaint", r.shop, r.customer, r.ticket_id), digest(r.kind, r.rating, r.resolved))],
    ),
)

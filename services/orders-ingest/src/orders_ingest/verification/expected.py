"""What is expected of the rows that are kept, after a published event; each under the name of its row.

A version or refund that was announced again for a customer (`OrderClaimed`) bears our own source and no claim: it names
an owner alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from common.bus.inbox import key_of
from common.events import EVENTS, from_dict, rfc3339
from common.events.activity import VisitsCounted
from common.events.catalogue import ProductChanged
from common.events.customers import (
    ConsentChanged,
    CustomerErased,
    CustomerMerged,
    CustomerRegistered,
    CustomerUnmerged,
    CustomerUpdated,
    KeyIssued,
)
from common.events.envelope import parse_time
from common.events.orders import (
    DeliveryPromiseBroken,
    OrderClaimed,
    OrderDetail,
    OrderJourneyMeasured,
    OrderReceiptDue,
    OrderRefunded,
)
from common.events.shops import ApiKeyIssued, ApiKeyRevoked, ImportEnded, ImportStarted, ShopSettingsChanged
from common.verification import Expectation, digest, rank
from orders_ingest.details.rules import fell_due, name_of
from orders_ingest.journeys.state import Figures
from orders_ingest.refunds.state import said_of
from orders_ingest.versions.rules import STATES

DETAILS = frozenset(
    name for name, kind in EVENTS.items() if issubclass(kind, OrderDetail | DeliveryPromiseBroken | OrderReceiptDue)
)

TOLD = ("paid", "shipped", "delivered")
"""States of which is kept when an order was first told in them."""

MISSING = {
    "order": "an order was announced, and no row keeps it",
    "state": "an order was told in a state, and its row does not say so",
    "told": "an order was told in a state, and its row does not say when",
    "promise": "an order's delivery was promised, and its row does not say for when",
    "detail": "a detail of an order was announced, and no row keeps it",
    "stage": "a detail was told in a stage, and its row does not say so",
    "sequence": "a completed order was numbered, and no row keeps its number",
    "product": "a product was announced, and no row keeps it",
    "visits": "visits were counted, and no row keeps the count",
    "journey": "the way to an order was measured, and no row keeps it",
    "merge": "two customers were merged or parted, and no row says so",
    "refund": "a refund was announced, and no row counts it",
    "profile": "a profile was announced, and no row keeps it",
    "consent": "a consent was announced, and no row keeps it",
    "archived": "an event of nobody's order was announced, and is not in the archive",
    "claim": "an event was announced or waits, and its claim is gone",
    "customer key": "a customer's key was issued or erased, and no row says so",
    "settings": "a shop's settings were announced, and no row keeps them",
    "API key": "an API key was issued, and no row keeps it",
    "revoked": "an API key was revoked, and its row says nothing of it",
}
"""Kinds of names that a row must stand for, and what to say of one that has none."""
ERASED = ("profile", "registered")
"""Kinds of which an erasure removes the rows."""


def expectations(event: dict[str, Any]) -> Iterator[Expectation]:
    """All that rows must hold after one event of `orders`, `customers`, `activity`, `customer-keys` or `shops`."""
    kind, shop, data = event["type"], event["shop"], event["data"]
    subject, at = event.get("subject", ""), parse_time(event["time"])
    if kind in _APART:
        yield from _APART[kind](shop, subject, event, data)
        return
    if kind == VisitsCounted.TYPE:
        name = "visits", shop, rfc3339(parse_time(data["hour"])), data["source"], data["counted_by"]
        place = rank(data["revision"], event["source"], event["id"])
        yield Expectation(name, digest(data["visits"], data["revision"]), place)
        if "claimed" in event:
            yield from _claimed(event, at)
        return
    if kind == OrderJourneyMeasured.TYPE:
        yield Expectation(("journey", shop, data["order_id"]), journey(subject, at, data), rank(data["revision"]))
        return
    if kind in DETAILS:
        yield from _detail(event, at)
        return
    if kind == OrderClaimed.TYPE:
        yield Expectation(("owner", shop, data["order_id"]), digest(data["customer"]), rank(1))
        return
    ours = event["source"] == f"/shops/{shop}/orders-ingest"
    again = kind.startswith("order.") and ours and "claimed" not in event
    if not again:
        yield from _claimed(event, at)
    if kind == ProductChanged.TYPE:
        wanted = digest(data["revision"], "version" in data, rfc3339(at), data)
        yield Expectation(("product", shop, data["sku"]), wanted, rank(data["revision"], event["source"], event["id"]))
    elif kind == OrderRefunded.TYPE:
        yield Expectation(("refund owner", shop, data["refund_id"]), digest(subject), rank(int(bool(subject))))
        if not again:
            yield Expectation(("refund", shop, data["refund_id"]), refund(event))
    elif kind.startswith("order."):
        if "sequence" in data:
            yield Expectation(("sequence", shop, data["order_id"]), digest(data["sequence"]))
        yield Expectation(("owner", shop, data["order_id"]), digest(subject), rank(int(bool(subject))))
        if not again:
            place = rank(data["revision"], STATES[data["state"]], event["source"], event["id"])
            yield Expectation(("order", shop, data["order_id"]), order(event), place)
            yield Expectation(("state", shop, data["order_id"], data["state"]), b"")
            if data["state"] in TOLD:
                yield Expectation(("told", shop, data["order_id"], data["state"]), digest(rfc3339(at)), _earliest(at))
            if (promised := data.get("promised_by")) is not None:
                by = datetime.fromisoformat(promised)
                last = rank(data["revision"], STATES[data["state"]], by)
                yield Expectation(("promise", shop, data["order_id"]), digest(rfc3339(by)), last)
    elif kind in (CustomerRegistered.TYPE, CustomerUpdated.TYPE):
        wanted = digest(data["revision"], "version" in data, rfc3339(at), data)
        yield Expectation(("profile", shop, subject), wanted, rank(data["revision"]))
        # The earliest time of all versions.
        yield Expectation(("registered", shop, subject), digest(rfc3339(at)), _earliest(at))
    elif kind == ConsentChanged.TYPE:
        name = "consent", shop, subject, data["channel"], data.get("purpose", "marketing")
        wanted = digest(data["granted"], rfc3339(at), data.get("source"))
        yield Expectation(name, wanted, rank(at, int(not data["granted"])))


def _earliest(at: datetime) -> bytes:
    """A rank by which the earliest of several counts."""
    return bytes(255 - byte for byte in rank(at))


def _detail(event: dict[str, Any], at: datetime) -> Iterator[Expectation]:
    """A detail by its newest stage, and each stage that was told; repeated where its order was claimed."""
    said = from_dict(event)
    if isinstance(said.data, OrderDetail):
        name, stage = name_of(said), said.data.stage
        if said.claimed is not None:
            yield from _claimed(event, at)
    else:
        name, stage = (said.shop, said.data.order_id, said.type, fell_due(said.data)), 0
    yield Expectation(("detail", *name), detail(stage, at, event["data"]), rank(stage, at))
    yield Expectation(("stage", *name, str(stage)), b"")


def _claimed(event: dict[str, Any], at: datetime) -> Iterator[Expectation]:
    """The claim of what came from outside; and its place in the archive, where it is of nobody's order."""
    shop, data = event["shop"], event["data"]
    if not event.get("subject") and "order_id" in data:
        yield Expectation(("archived", shop, event["source"], event["id"]), digest(data["order_id"], rfc3339(at)))
    yield Expectation(("claim", str(key_of((shop, event["source"], event["id"])))), b"")


def detail(stage: int, at: datetime, data: dict[str, Any]) -> bytes:
    """Of a detail all but who said so."""
    return digest(stage, rfc3339(at), data)


def journey(customer: str, at: datetime, data: Mapping[str, Any]) -> bytes:
    """Of the way to an order, as it was measured last."""
    return digest(customer, rfc3339(at), data["revision"], *(data.get(name) for name in Figures._fields))


def order(event: dict[str, Any]) -> bytes:
    """Of one version of an order all but whose it is."""
    data = event["data"]
    return digest(
        event["source"],
        event["id"],
        rfc3339(parse_time(event["time"])),
        data["revision"],
        STATES[data["state"]],
        "version" in data,
        data["state"],
        data["currency"],
        data["goods_paid"],
        data["freight"],
        data,
    )


def refund(event: dict[str, Any]) -> bytes:
    """Of a refund all but whose it is."""
    data = event["data"]
    return digest(
        event["source"],
        event["id"],
        rfc3339(parse_time(event["time"])),
        data.get("order_id"),
        data["amount"],
        data["freight"],
        data["currency"],
        said_of(from_dict(event)),
    )


def _settings(shop: str, _: str, __: dict[str, Any], data: dict[str, Any]) -> Iterator[Expectation]:
    wanted = digest(rfc3339(parse_time(data["valid_from"])), data.get("name"), data["zone"], data["currency"])
    yield Expectation(("settings", shop, str(data["version"])), wanted)


def _api_key(_: str, __: str, ___: dict[str, Any], data: dict[str, Any]) -> Iterator[Expectation]:
    expires = data.get("expires_at")
    wanted = digest(data["hash"], data["shop"], data["scopes"], data["name"], expires and rfc3339(parse_time(expires)))
    yield Expectation(("API key", data["prefix"]), wanted)


def _revoked(_: str, __: str, ___: dict[str, Any], data: dict[str, Any]) -> Iterator[Expectation]:
    yield Expectation(("revoked", data["prefix"]), b"")


def _merged(shop: str, _: str, event: dict[str, Any], data: dict[str, Any]) -> Iterator[Expectation]:
    undone = event["type"] == CustomerUnmerged.TYPE
    wanted = digest(data["survivor"], undone, rfc3339(parse_time(event["time"])))
    yield Expectation(("merge", shop, data["absorbed"], str(data["sequence"])), wanted)


def _issued(shop: str, subject: str, event: dict[str, Any], data: dict[str, Any]) -> Iterator[Expectation]:
    yield Expectation(("customer key", shop, subject), digest(data["key_id"], data["wrapped"], None), rank(0))


def _erased(shop: str, subject: str, event: dict[str, Any], _: dict[str, Any]) -> Iterator[Expectation]:
    at = rfc3339(parse_time(event["time"]))
    yield Expectation(("customer key", shop, subject), digest(None, None, at), rank(1))


def _nothing(_: str, __: str, ___: dict[str, Any], ____: dict[str, Any]) -> Iterator[Expectation]:
    """That a file was being taken: its job is compared with its own rows."""
    return iter(())


_APART = {
    ImportStarted.TYPE: _nothing,
    ImportEnded.TYPE: _nothing,
    ShopSettingsChanged.TYPE: _settings,
    ApiKeyIssued.TYPE: _api_key,
    ApiKeyRevoked.TYPE: _revoked,
    KeyIssued.TYPE: _issued,
    CustomerMerged.TYPE: _merged,
    CustomerUnmerged.TYPE: _merged,
    CustomerErased.TYPE: _erased,
}

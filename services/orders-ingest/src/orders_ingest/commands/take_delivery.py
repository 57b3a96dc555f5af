"""A webhook's delivery, taken as the events that it implies; what cannot be taken is dead, and can be mended."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from common.bus.broker import Record
from common.bus.dead import DeadRecord
from common.events import rfc3339
from common.events.catalogue import ProductChanged, ProductFields
from common.shops.settings import get_shop
from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.catalogue import store as catalogue
from orders_ingest.commands.erase_customer import erase_customer
from orders_ingest.commands.merge_customers import merge_named_by_mail
from orders_ingest.commands.put_customers import put_customers
from orders_ingest.commands.take_events import take_events
from orders_ingest.customers.profile import LeftOut
from orders_ingest.customers.state import SentCustomer
from orders_ingest.identity.by_mail import named_by_mail
from orders_ingest.identity.store import hold
from orders_ingest.intake.checks import FILLED_OVER_HTTP, check
from orders_ingest.intake.state import Offered, Outcome, refused
from orders_ingest.orders import store_reading as orders
from orders_ingest.orders.implied import implied_events
from orders_ingest.webhooks import store
from orders_ingest.webhooks.described import fitted
from orders_ingest.webhooks.state import (
    Delivery,
    PrivacyRequest,
    SentEvent,
    SentOrder,
    SentProduct,
    SentRefund,
    Shop,
    UnreadableDelivery,
)
from orders_ingest.webhooks.vendor import Vendor

TOPIC = "webhook."
_HARMLESS = frozenset({"refund_known"})
"""A refund stands in several deliveries: it counts once, and nothing is to be mended."""


async def take_delivery(tx: Transaction, vault: Vault, shop: str, vendor: Vendor, came: Delivery) -> list[Outcome]:
    """One outcome for each thing that it says, all in this transaction; none where it says nothing for us.

    The events' ids hold the hash of the raw body: the same delivery again is all duplicates, whatever a later release
    makes of it; another version of an order is another event, and the newest counts.
    """
    settings = (await get_shop(tx, shop)).at(tx.clock.now())
    try:
        said = vendor.said(came, Shop(shop, settings.currency, settings.zone))
    except UnreadableDelivery as error:
        return [refused(came.id, error)]
    people = [one for one in said if isinstance(one, SentCustomer)]
    if people:
        return await _people(tx, vault, shop, people)
    for order in (one for one in said if isinstance(one, SentOrder)):
        await _recognise(tx, vault, shop, order)
    products = await _products(tx, shop, [one.sku for one in said if isinstance(one, SentProduct)])
    offered: list[Offered | Outcome] = []
    for one in said:
        if isinstance(one, PrivacyRequest):
            offered.append(await _asked(tx, vault, shop, vendor.name, came, one))
        elif isinstance(one, SentOrder):
            offered += await _order(tx, shop, vendor.name, came, one)
        elif isinstance(one, SentRefund):
            data, cut = fitted(one.data)
            offered.append(_checked(tx, shop, _refund(shop, vendor.name, came, one, data), came, cut))
        elif isinstance(one, SentProduct):
            offered.append(_product(tx, shop, vendor.name, came, one, products))
        elif isinstance(one, SentEvent):
            found = check(dict(one.body), shop, tx.clock.now(), fill=FILLED_OVER_HTTP)
            offered.append(found)
    events = [one for one in offered if isinstance(one, Offered)]
    taken = iter(await take_events(tx, vault, events) if events else ())
    outcomes = [next(taken) if isinstance(one, Offered) else one for one in offered]
    return [Outcome(one.id, "duplicate") if one.slug in _HARMLESS else one for one in outcomes]


async def _people(tx: Transaction, vault: Vault, shop: str, people: Sequence[SentCustomer]) -> list[Outcome]:
    cuts: list[tuple[LeftOut, ...]] = []
    fit: list[SentCustomer] = []
    for one in people:
        profile, cut = (None, ()) if one.profile is None else fitted(one.profile, name_is_personal=True)
        cuts.append(cut)
        fit.append(replace(one, profile=profile))
    outcomes = await put_customers(tx, vault, shop, fit)
    return [replace(one, left_out=(*cut, *one.left_out)) for one, cut in zip(outcomes, cuts, strict=True)]


async def _recognise(tx: Transaction, vault: Vault, shop: str, sent: SentOrder) -> None:
    """Its customer is whom an import of this order named by the same e-mail."""
    customer = sent.order.get("customer")
    if not customer or not sent.email:
        return
    stored = await orders.get_order(tx, shop, sent.order_id)
    by_mail = named_by_mail(shop, sent.email, vault.identifiers)
    if stored is not None and by_mail is not None and stored.customer == by_mail:
        await merge_named_by_mail(tx, vault, shop, str(customer), by_mail)


async def _order(tx: Transaction, shop: str, vendor: str, came: Delivery, sent: SentOrder) -> list[Offered | Outcome]:
    stored = await orders.get_order(tx, shop, sent.order_id)
    order, cut = fitted(sent.order)
    if stored is not None:
        known: Mapping[str, Any] = orjson.loads(stored.body)
        order |= {name: known[name] for name in sent.guessed & order.keys() if known.get(name) is not None}
    order = {name: _instant(value) if name.endswith("_at") else value for name, value in order.items()}
    events = implied_events(shop, sent.order_id, order, stored.state if stored is not None else None)
    return [_checked(tx, shop, _named(event, shop, vendor, came), came, cut) for event in events]


async def _products(tx: Transaction, shop: str, skus: Sequence[str]) -> Mapping[str, ProductFields]:
    """What is known of these products, locked."""
    if not skus:
        return {}
    names = [(shop, sku) for sku in skus]
    await hold(tx, [shop])
    await catalogue.lock_products(tx, names)
    return {sku: fields for (_, sku), fields in (await catalogue.get_products(tx, names)).items()}


def _product(
    tx: Transaction, shop: str, vendor: str, came: Delivery, sent: SentProduct, known: Mapping[str, ProductFields]
) -> Offered | Outcome:
    """The product with what was known of it and the vendor does not tell."""
    said, cut = fitted(sent.fields)
    stored = known[sent.sku].model_dump(mode="json", exclude_none=True) if sent.sku in known else {}
    event = {
        "id": f"product:{hashlib.blake2b(sent.sku.encode(), digest_size=16).hexdigest()}",
        "shop": shop,
        "type": ProductChanged.TYPE,
        "time": rfc3339(sent.at),
        "data": {**stored, **said, "sku": sent.sku},
    }
    return _checked(tx, shop, _named(event, shop, vendor, came), came, cut)


def _instant(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _refund(shop: str, vendor: str, came: Delivery, sent: SentRefund, data: Mapping[str, Any]) -> dict[str, Any]:
    event: dict[str, Any] = {
        "id": f"refund:{sent.refund_id}",
        "shop": shop,
        "type": "order.refunded",
        "time": rfc3339(sent.at),
        "data": {"refund_id": sent.refund_id, **data},
    }
    if sent.customer is not None:
        event["subject"] = sent.customer
    return _named(event, shop, vendor, came)


def _named(event: dict[str, Any], shop: str, vendor: str, came: Delivery) -> dict[str, Any]:
    body = hashlib.blake2b(came.body, digest_size=8).hexdigest()
    return {**event, "id": f"{event['id']}:{body}", "source": f"/shops/{shop}/{vendor}"}


def _checked(
    tx: Transaction, shop: str, event: dict[str, Any], came: Delivery, cut: tuple[LeftOut, ...]
) -> Offered | Outcome:
    found = check(event, shop, tx.clock.now(), came.body)
    return replace(found, left_out=cut) if isinstance(found, Offered) else found


async def _asked(
    tx: Transaction, vault: Vault, shop: str, vendor: str, came: Delivery, request: PrivacyRequest
) -> Outcome:
    """A request of privacy is kept until a person has answered it; one to redact a customer is done at once."""
    done = request.kind == "redact" and request.customer is not None
    if not await store.insert_privacy_request(tx, shop, vendor, came.id, request, done):
        return Outcome(came.id, "duplicate")
    if done and request.customer is not None:
        await erase_customer(tx, vault, shop, request.customer)
    return Outcome(came.id, "accepted")


def topic_of(shop: str, vendor: str) -> str:
    """Under which a delivery that could not be taken is dead; no Kafka topic has such a name."""
    return f"{TOPIC}{vendor}.{shop}"


def dead_of(shop: str, vendor: str, came: Delivery, outcome: Outcome) -> DeadRecord:
    """The delivery as it is kept, to be looked at, mended and sent again: once, however often it comes."""
    assert outcome.refusal is not None, "what was taken is not dead"
    kept = orjson.dumps({"id": came.id, "topic": came.topic, "body": came.body.decode("utf-8", "replace")})
    place = int.from_bytes(hashlib.blake2b(kept, digest_size=8).digest()) >> 1
    record = Record(topic_of(shop, vendor), 0, place, None, kept, {}, 0)
    return DeadRecord(record, outcome.refusal.slug, outcome.refusal.detail, shop, event_id=outcome.id)


def kept_delivery(value: bytes) -> Delivery:
    """The delivery of such a record, as it came or mended. Raises UnreadableDelivery."""
    try:
        kept = orjson.loads(value)
        return Delivery(str(kept["id"]), str(kept["topic"]), str(kept["body"]).encode())
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise UnreadableDelivery("a dead delivery is {id, topic, body}, its body a text") from None

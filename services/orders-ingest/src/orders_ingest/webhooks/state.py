"""A delivery of a webhook, and what it says in our words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from common.refusals import Invalid
from orders_ingest.customers.state import SentCustomer


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery whose signature is good. `id` is the vendor's name of it, the same when it is sent again; `body` is
    the raw body, by which a repeat is recognised."""

    id: str
    topic: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Shop:
    """What a vendor's mapping needs of the shop."""

    name: str
    currency: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class SentOrder:
    """An order as it stands: the fields of `OrderFields` with datetimes, `customer` and `time` (of this version).

    `guessed`: times that the vendor does not say and the mapping has inferred; what is stored of them stays. `email`:
    its customer's, by which an import may have named this person.
    """

    order_id: str
    order: Mapping[str, Any]
    guessed: frozenset[str] = frozenset()
    email: str | None = None


@dataclass(frozen=True, slots=True)
class SentRefund:
    """A refund: the fields of `OrderRefunded`, and the customer where the delivery names one."""

    refund_id: str
    at: datetime
    data: Mapping[str, Any]
    customer: str | None = None


@dataclass(frozen=True, slots=True)
class SentProduct:
    """A product: fields of `ProductFields`. What the vendor does not tell of it, such as its marks, stays as it is."""

    sku: str
    at: datetime
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PrivacyRequest:
    """What a person, or a shop that leaves, asks for by law; `customer` None: all of the shop's (SEC-006)."""

    kind: Literal["data_request", "redact", "shop_redact"]
    customer: str | None


@dataclass(frozen=True, slots=True)
class SentEvent:
    """A CloudEvent as the shop wrote it, with what the delivery fills in."""

    body: Mapping[str, Any] = field(default_factory=dict)


Said = SentOrder | SentRefund | SentProduct | SentCustomer | PrivacyRequest | SentEvent


class UnreadableDelivery(Invalid):
    """The delivery is the vendor's, and says something that cannot be read."""

    def __init__(self, detail: str) -> None:
        super().__init__("invalid_delivery", detail)

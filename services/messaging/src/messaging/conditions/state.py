"""Facts that messages rest on: conditions, purchases, and what was said about orders."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from common.events.orders import OrderEvent, OrderLogisticsUpdated, OrderRefunded
from messaging.coupons.state import Coupon

_ESSENTIAL: dict[str, Any] = {
    "order_id": True,
    "revision": True,
    "state": True,
    "currency": True,
    "goods_paid": True,
    "refund_id": True,
    "amount": True,
    "freight": True,
    "whole": True,
    "status": True,
    "tracking": True,
    "lines": {"__all__": {"sku", "quantity", "kind"}},
}
"""The fields of an order, and of what is said about it, that decide about a message."""
Said = OrderEvent | OrderRefunded | OrderLogisticsUpdated
_KINDS: dict[str, type[Said]] = {"refund": OrderRefunded, "parcel": OrderLogisticsUpdated}


@dataclass(frozen=True, slots=True)
class Condition:
    """The fact a message rests on: obsolete once a higher revision of `subject` says something else."""

    subject: str
    revision: int
    value: str

    @classmethod
    def stored(cls, subject: str | None, revision: int, value: str) -> Condition | None:
        """As three columns keep it; None where the message rests on none."""
        return None if subject is None else cls(subject, revision, value)


class Parcel(NamedTuple):
    """What a carrier said of a parcel, which is known by its tracking number; of an order's only one by none."""

    tracking: str | None
    status: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What a message says is so, and what makes it untrue.

    `order_id`: the order it is about. `ended_by_purchase`: an order placed since then ends it. `once`: a value that the
    customer had before and lost is not announced again. `order_state`: the state of the order that it gives notice of.
    `ended_in`: states of the order in which nobody needs the message. `parcel`: the carrier's word that it passes on.
    `offer`, `sku`, `tiers`: there is a usable coupon of the offer, the product is in stock, the tier one of them.
    """

    cause_at: datetime
    condition: Condition | None = None
    order_id: str | None = None
    ended_by_purchase: bool = False
    once: bool = False
    order_state: str | None = None
    ended_in: tuple[str, ...] = ()
    parcel: Parcel | None = None
    offer: str | None = None
    sku: str | None = None
    tiers: tuple[str, ...] = ()

    @property
    def asks_of_offers(self) -> bool:
        """Whether the customer must be able to use what it offers."""
        return self.offer is not None or self.sku is not None or bool(self.tiers)


@dataclass(frozen=True, slots=True)
class OrderNews:
    """A version or a refund of an order, or a carrier's word about a parcel of it, with the time of its event."""

    order_id: str
    at: datetime
    said: Said

    @property
    def kind(self) -> str:
        """`refund`, `parcel` or `version`, as it is stored."""
        return next((kind for kind, read in _KINDS.items() if isinstance(self.said, read)), "version")

    def essentials(self) -> str:
        """What decides about a message of the order, as JSON, and no more of the event."""
        return orjson.dumps(self.said.model_dump(mode="json", include=_ESSENTIAL, exclude_none=True)).decode()

    @classmethod
    def stored(cls, order_id: str, kind: str, at: datetime, essentials: str) -> OrderNews:
        """The inverse of `kind` and `essentials`."""
        return cls(order_id, at, _KINDS.get(kind, OrderEvent).model_validate_json(essentials))


@dataclass(slots=True)
class Facts:
    """What is known of one customer that messages rest on."""

    conditions: list[tuple[datetime, Condition]] = field(default_factory=list)
    purchases: list[datetime] = field(default_factory=list)
    """When orders were placed, paid or completed."""
    orders: list[OrderNews] = field(default_factory=list)
    coupons: Sequence[Coupon] = ()
    sold_out: Collection[str] = ()
    """Products that are known to be out of stock."""
    tier: str | None = None
    segments: Collection[str] = ()
    """Segments that the customer is in; read where the shop's policy or the message asks for it."""
    absorbed: bool = False
    """They are asked of a customer who was absorbed by another one."""

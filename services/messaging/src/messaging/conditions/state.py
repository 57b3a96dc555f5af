"""Facts that messages rest on: conditions, purchases, and what was said about orders."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from common.events.orders import OrderEvent, OrderRefunded

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
    "lines": {"__all__": {"sku", "quantity", "kind"}},
}
"""The fields of an order that decide about a message."""


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


@dataclass(frozen=True, slots=True)
class Claim:
    """What a message says is so, and what makes it untrue.

    `order_id`: the order it is about. `ended_by_purchase`: an order placed since then ends it. `once`: a value that the
    customer had before and lost is not announced again. `order_state`: the state of the order that it gives notice of.
    """

    cause_at: datetime
    condition: Condition | None = None
    order_id: str | None = None
    ended_by_purchase: bool = False
    once: bool = False
    order_state: str | None = None


@dataclass(frozen=True, slots=True)
class OrderNews:
    """A version or a refund of an order, with the time of its event."""

    order_id: str
    at: datetime
    said: OrderEvent | OrderRefunded

    @property
    def kind(self) -> str:
        """`refund` or `version`, as it is stored."""
        return "refund" if isinstance(self.said, OrderRefunded) else "version"

    def essentials(self) -> str:
        """What decides about a message of the order, as JSON, and no more of the event."""
        return orjson.dumps(self.said.model_dump(mode="json", include=_ESSENTIAL, exclude_none=True)).decode()

    @classmethod
    def stored(cls, order_id: str, kind: str, at: datetime, essentials: str) -> OrderNews:
        """The inverse of `kind` and `essentials`."""
        read: type[OrderEvent] | type[OrderRefunded] = OrderRefunded if kind == "refund" else OrderEvent
        return cls(order_id, at, read.model_validate_json(essentials))


@dataclass(slots=True)
class Facts:
    """What is known of one customer that messages rest on."""

    conditions: list[tuple[datetime, Condition]] = field(default_factory=list)
    purchases: list[datetime] = field(default_factory=list)
    """When orders were placed, paid or completed."""
    orders: list[OrderNews] = field(default_factory=list)

"""How the limits of P1 and P2 read and validate an order: frozen, so that the product is measured by one mark.

What `common.events.decode` did when the limit was set, kept apart from it: whoever makes that one faster gets nearer to
the limit, and does not move it. Changed only where the orders of `bench.workload` change.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    TypeAdapter,
)

_CONTROLS = r"\u0000-\u001f\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ud800-\udfff"
_NAME = re.compile(rf"[^{_CONTROLS}]+")
_IDENTIFIER = re.compile(rf"[^ {_CONTROLS}/#|]+")
_SOURCE = re.compile(rf"[^ {_CONTROLS}#|]+")
_SHOP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_UNFIT = re.compile("[\x00\ud800-\udfff]")
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_CURRENCIES = {"CNY", "USD", "EUR"}


def _check(pattern: re.Pattern[str], most: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        if pattern.fullmatch(text) is None or len(text.encode()) > most:
            raise ValueError("unusable")
        return text

    return check


def _storable(text: str) -> str:
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), text)]
    while waiting:
        _, found = waiting.pop()
        if isinstance(found, str) and _UNFIT.search(found):
            raise ValueError("unusable")
    return text


def _currency(code: str) -> str:
    if code not in _CURRENCIES:
        raise ValueError("unknown currency")
    return code


def _rfc3339(value: Any) -> Any:
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC3339.fullmatch(value)):
        return value
    raise ValueError("no time")


def _utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


_Amount = Annotated[StrictInt, Field(ge=0, le=10**13)]
_Count = Annotated[StrictInt, Field(ge=0, le=1_000_000)]
_Revision = Annotated[StrictInt, Field(ge=0, le=2**53 - 1)]
_Text = Annotated[str, AfterValidator(_storable), Field(max_length=500)]
_Identifier = Annotated[str, AfterValidator(_check(_IDENTIFIER, 200))]
_Instant = Annotated[AwareDatetime, BeforeValidator(_rfc3339), AfterValidator(_utc)]
_time: TypeAdapter[datetime] = TypeAdapter(_Instant)


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")
    sku: _Text
    name: _Text | None = None
    category: _Text | None = None
    brand: _Text | None = None
    kind: Literal["goods", "gift", "sample"] = "goods"
    quantity: _Count
    unit_price: _Amount | None = None
    paid: _Amount = 0


class _Order(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")
    order_id: _Identifier
    state: Literal["placed", "paid", "shipped", "in_transit", "delivered", "completed", "closed"]
    currency: Annotated[str, AfterValidator(_currency)]
    goods_paid: _Amount
    freight: _Amount = 0
    list_total: _Amount | None = None
    lines: tuple[_Line, ...] = ()
    placed_at: _Instant | None = None
    paid_at: _Instant | None = None
    shipped_at: _Instant | None = None
    delivered_at: _Instant | None = None
    completed_at: _Instant | None = None
    closed_at: _Instant | None = None
    carrier: _Text | None = None
    tracking: _Text | None = None
    platform: _Text | None = None
    traffic_source: _Text | None = None
    promotions: Annotated[tuple[_Text, ...], Field(max_length=100)] = ()
    redemption_id: _Identifier | None = None
    remark: _Text | None = None
    recipient: _Text | None = None
    version: _Revision | None = None
    sequence: _Revision | None = None
    revision: _Revision = 0


@dataclass(frozen=True, slots=True)
class Read:
    """One event as it was read."""

    id: str
    source: str
    shop: str
    subject: str | None
    time: datetime
    data: _Order
    partitionkey: str
    correlationid: str | None
    causationid: str | None
    traceparent: str | None
    alias: str | None


_REQUIRED = ("id", "source", "type", "time", "shop", "data")
_OPTIONAL = ("subject", "partitionkey", "correlationid", "causationid", "traceparent", "alias")
_CHECKS = {
    "id": _check(_NAME, 300), "source": _check(_SOURCE, 300), "type": _check(_NAME, 300), "shop": _check(_SHOP, 63),
    "subject": _check(_IDENTIFIER, 200), "partitionkey": _check(_NAME, 300), "correlationid": _check(_NAME, 300),
    "causationid": _check(_NAME, 300), "traceparent": _check(_NAME, 300), "alias": _check(_IDENTIFIER, 200),
}  # fmt: skip
_TYPES = {"order.paid", "order.completed"}


def read(raw: bytes) -> Read:
    """An order from its JSON. Raises ValueError or KeyError; a limit's orders are all good ones."""
    return read_dict(orjson.loads(raw))


def read_dict(body: dict[str, Any]) -> Read:
    """The same of decoded JSON."""
    for name in _REQUIRED:
        if name not in body:
            raise KeyError(name)
    if body.get("specversion", "1.0") != "1.0":
        raise ValueError("specversion")
    for name, check in _CHECKS.items():
        value = body.get(name)
        if value is None and name in _OPTIONAL:
            continue
        if not isinstance(value, str):
            raise ValueError(name)
        check(value)
    if body["type"] not in _TYPES or body.get("dataschema") is not None:
        raise ValueError("no order of the workload")
    time = _time.validate_python(body["time"])
    data = orjson.dumps(body["data"])
    if _SUSPECT.search(data):
        raise ValueError("unusable text")
    return Read(
        body["id"],
        body["source"],
        body["shop"],
        body.get("subject"),
        time,
        _Order.model_validate_json(data),
        body.get("partitionkey", ""),
        body.get("correlationid"),
        body.get("causationid"),
        body.get("traceparent"),
        body.get("alias"),
    )

"""Every event of Regulars: one class each, one file per owner; here they are found by their type string."""

from __future__ import annotations

import re
from typing import Any

import orjson
from pydantic import ValidationError

from common.events import activity, customers, feedback, membership, messages, orders, segments, shops
from common.events.envelope import (
    Event,
    EventData,
    InvalidEvent,
    fact_id,
    given_correlation,
    parse_time,
    rfc3339,
    version_of,
)

__all__ = ["EVENTS", "Event", "EventData", "InvalidEvent", "decode", "fact_id", "from_dict", "rfc3339"]


def _concrete(base: type[EventData]) -> list[type[EventData]]:
    found = [base] if "TYPE" in vars(base) else []
    return found + [c for sub in base.__subclasses__() for c in _concrete(sub)]


EVENTS: dict[str, type[EventData]] = {c.TYPE: c for c in _concrete(EventData)}
"""Every type string and its class."""
_OWNERS = (activity, customers, feedback, membership, messages, orders, segments, shops)  # imported for their classes


_OPTIONAL = ("subject", "partitionkey", "correlationid", "causationid", "traceparent")
_TEXTS = ("id", "source", "type", "shop", *_OPTIONAL)
_UNFIT = re.compile(r"[/#|\s]")


def decode(raw: bytes | str) -> Event[Any]:
    """Read structured-mode JSON. Raises InvalidEvent with a slug: malformed_json, missing_<attribute>,
    unknown_type, unknown_version, invalid_time, invalid_data."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidEvent("malformed_json", f"not JSON: {error}") from None
    if not isinstance(body, dict):
        raise InvalidEvent("malformed_json", "an event is a JSON object")
    return from_dict(body, raw if isinstance(raw, bytes) else raw.encode())


def from_dict(body: dict[str, Any], raw: bytes | None = None) -> Event[Any]:
    """An event from its decoded JSON; errors as `decode`."""
    for name in ("id", "source", "type", "time", "shop", "data"):
        if name not in body:
            raise InvalidEvent(f"missing_{name}", f"the attribute `{name}` is missing")
    if body.get("specversion", "1.0") != "1.0":
        raise InvalidEvent("unknown_version", "`specversion` must be 1.0")
    for name in _TEXTS:
        value = body.get(name)
        if value is None and name in _OPTIONAL:
            continue
        if not isinstance(value, str) or not 0 < len(value) <= 300 or "\x00" in value:
            raise InvalidEvent(f"invalid_{name}", f"`{name}` must be a text of 1 to 300 characters")
    for name in ("shop", "subject"):
        if _UNFIT.search(body.get(name) or ""):
            raise InvalidEvent(f"invalid_{name}", f"`{name}` must not contain white space, '/', '#' or '|'")
    kind = EVENTS.get(body["type"])
    if kind is None:
        raise InvalidEvent("unknown_type", f"unknown event type {body['type']!r}")
    if not 1 <= version_of(body) <= kind.VERSION:  # older ones fit: a schema changes compatibly or not at all
        raise InvalidEvent("unknown_version", f"{kind.TYPE} is read in versions 1 to {kind.VERSION}")
    time = parse_time(body["time"])
    try:
        data = kind.model_validate_json(orjson.dumps(body["data"]))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidEvent("invalid_data", f"data.{where}: {first['msg']}") from None
    correlation = body.get("correlationid")
    if correlation is None and raw is None:
        # Offered now, by a request; what was read from the bus or a store is not that request's doing.
        correlation = given_correlation()
    return Event(
        id=body["id"], source=body["source"], shop=body["shop"], subject=body.get("subject"), time=time, data=data,
        partitionkey=body.get("partitionkey", ""), correlationid=correlation,
        causationid=body.get("causationid"), traceparent=body.get("traceparent"),
        raw=raw,
    )  # fmt: skip

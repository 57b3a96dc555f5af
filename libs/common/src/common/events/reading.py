"""Events by their type string, and what is read as one of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, get_args

import orjson
from pydantic import AwareDatetime, ValidationError

from common.events import activity, catalogue, customers, feedback, membership, messages, orders, segments, shops
from common.events.envelope import (
    Event,
    EventData,
    InvalidEvent,
    NewerVersion,
    given_correlation,
    parse_time,
    version_of,
)
from common.events.fields import (
    FIRST_DAY,
    LAST_DAY,
    check_claimed,
    check_identifier,
    check_name,
    check_shop,
    check_source,
)
from common.tracing import given_traceparent
from common.values.texts import find_unfit, find_unfit_json, pointer_to
from common.values.wording import sentence_of


def _concrete(base: type[EventData]) -> list[type[EventData]]:
    found = [base] if "TYPE" in vars(base) else []
    return found + [c for sub in base.__subclasses__() for c in _concrete(sub)]


EVENTS: dict[str, type[EventData]] = {c.TYPE: c for c in _concrete(EventData)}
"""Every type string and its class."""
_OWNERS = (
    activity,
    catalogue,
    customers,
    feedback,
    membership,
    messages,
    orders,
    segments,
    shops,
)  # imported for their classes


_JSON = re.compile(r"[\w.-]+/(?:[\w.-]+\+)?json(?:\s*;.*)?", re.ASCII | re.IGNORECASE)
_OPTIONAL = ("subject", "partitionkey", "correlationid", "causationid", "traceparent", "claimed")
_CHECKS: dict[str, Callable[[str], str]] = {
    "id": check_name,
    "source": lru_cache(4096)(check_source),
    "type": lru_cache(4096)(check_name),
    "shop": lru_cache(4096)(check_shop),
    "subject": check_identifier,
    "partitionkey": check_name,
    "correlationid": check_name,
    "causationid": check_name,
    "traceparent": check_name,
    "claimed": check_claimed,
}
"""What many events have in common is remembered once it was found good."""


def decode(raw: bytes | str) -> Event[Any]:
    """Read structured-mode JSON. Raises InvalidEvent with a slug: malformed_json, missing_<attribute>,
    invalid_<attribute>, unknown_type, unknown_version (NewerVersion where a later release wrote it), invalid_data,
    time_too_old and time_in_future (of any instant, beyond the years 1970 to 2199)."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidEvent("malformed_json", why_not_json(error)) from None
    if not isinstance(body, dict):
        raise InvalidEvent("malformed_json", "an event is a JSON object")
    return from_dict(body, raw if isinstance(raw, bytes) else raw.encode())


def why_not_json(error: orjson.JSONDecodeError) -> str:
    """What keeps the bytes from being read, in a sentence for who sent them."""
    # orjson says of bytes that are no UTF-8 what Python says of texts.
    return "not JSON in UTF-8" if "UTF-8" in error.msg else f"not JSON: {error}"


def from_dict(body: dict[str, Any], raw: bytes | None = None) -> Event[Any]:
    """An event from its decoded JSON; errors as `decode`.

    Whatever else goes wrong here is the input's doing, since nothing but the input is read: it is InvalidEvent too, so
    that no text, number or nesting that nobody thought of stops a reader.
    """
    try:
        return _from_dict(body, raw)
    except InvalidEvent:
        raise
    except Exception as error:
        raise InvalidEvent("invalid_data", f"the event cannot be read: {type(error).__name__}") from None


def _from_dict(body: dict[str, Any], raw: bytes | None) -> Event[Any]:
    for name in ("id", "source", "type", "time", "shop", "data"):
        if name not in body:
            raise InvalidEvent(f"missing_{name}", f"the attribute `{name}` is missing")
    if body.get("specversion", "1.0") != "1.0":
        raise InvalidEvent("unknown_version", "`specversion` must be 1.0")
    content = body.get("datacontenttype") or "application/json"
    if content != "application/json" and not _JSON.fullmatch(str(content)):
        raise InvalidEvent("invalid_datacontenttype", "`data` is JSON: `datacontenttype` must be application/json")
    for name, check in _CHECKS.items():
        value = body.get(name)
        if value is None and name in _OPTIONAL:
            continue
        try:
            if not isinstance(value, str):
                raise ValueError("must be a text")
            if name == "partitionkey":
                # We ourselves write the shop before it (`Event.key`): the bound is of what follows.
                value = value.removeprefix(f"{body['shop']}/") or value
                if value == body.get("subject"):
                    continue  # nearly always, and found good as the narrower of both
            check(value)
        except ValueError as error:
            raise InvalidEvent(f"invalid_{name}", f"`{name}` {error}") from None
    kind = EVENTS.get(body["type"])
    if kind is None:
        raise InvalidEvent("unknown_type", f"unknown event type {body['type']!r}")
    version = version_of(body)  # older ones fit: a schema changes compatibly or not at all
    if version > kind.VERSION:
        raise NewerVersion(kind, version)
    if version < 1:
        raise InvalidEvent("unknown_version", f"{kind.TYPE} is read in versions 1 to {kind.VERSION}")
    time = parse_time(body["time"])
    _check_calendar("time", time)
    try:
        data = kind.model_validate_json(_stored(body["data"]))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = pointer_to("data", *first["loc"])
        raise InvalidEvent("invalid_data", f"{where}: {sentence_of(first)}") from None
    fields = data.__dict__
    for name in _instants(kind):
        instant = fields[name]
        if instant is not None:
            _check_calendar(f"data.{name}", instant)
    correlation = body.get("correlationid")
    if correlation is None and raw is None:
        # Offered now, by a request; what was read from the bus or a store is not that request's doing.
        correlation = given_correlation()
    trace = body.get("traceparent")
    if trace is None and raw is None:
        trace = given_traceparent()
    return Event(
        id=body["id"],
        source=body["source"],
        shop=body["shop"],
        subject=body.get("subject"),
        time=time,
        data=data,
        partitionkey=body.get("partitionkey") or "",
        correlationid=correlation,
        causationid=body.get("causationid"),
        traceparent=trace,
        claimed=body.get("claimed"),
        raw=raw,
    )


@cache
def _instants(kind: type[EventData]) -> tuple[str, ...]:
    """The fields that hold instants, found once per class."""
    return tuple(name for name, info in kind.model_fields.items() if _holds_instant(info.annotation))


def _holds_instant(annotation: Any) -> bool:
    return annotation is AwareDatetime or any(map(_holds_instant, get_args(annotation)))


def _check_calendar(name: str, instant: datetime) -> None:
    """Refuse what is too near to an end of the calendar to be computed with; doors are stricter, by their clocks."""
    if FIRST_DAY.year < instant.year < LAST_DAY.year:
        return  # nearly always, and known without making a date
    if instant.date() < FIRST_DAY:
        raise InvalidEvent("time_too_old", f"`{name}` must be {FIRST_DAY} or later")
    if instant.date() > LAST_DAY:
        raise InvalidEvent("time_in_future", f"`{name}` must be {LAST_DAY} or earlier")


def _stored(data: Any) -> bytes:
    """The data as JSON. Raises InvalidEvent where a text of it, also of a field that nobody knows, cannot be stored."""
    try:
        raw = orjson.dumps(data)
    except orjson.JSONEncodeError:
        unfit = find_unfit(data)  # half a surrogate pair; else a number beyond 64 bits, or nesting
        why = _about(unfit) if unfit is not None else "data: too large a number, or nested too deeply"
        raise InvalidEvent("invalid_data", why) from None
    unfit = find_unfit_json(raw)
    if unfit is not None:
        raise InvalidEvent("invalid_data", _about(unfit))
    return raw


def _about(pointer: str) -> str:
    return f"/data{pointer}: the text holds U+0000, or half a surrogate pair; leave the character out"

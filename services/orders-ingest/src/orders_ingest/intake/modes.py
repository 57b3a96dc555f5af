"""CloudEvents in binary mode, over HTTP and on Kafka, and `data_base64`: read as the same event in structured mode."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson

from common.events import InvalidEvent
from orders_ingest.intake.reading import read

HTTP_PREFIX, KAFKA_PREFIX = "ce-", "ce_"
STRUCTURED = "application/cloudevents"
_ATTRIBUTE = re.compile(r"[a-z0-9]{1,40}")
_JSON = re.compile(r"[\w.-]+/(?:[\w.-]+\+)?json(?:\s*;.*)?", re.ASCII | re.IGNORECASE)
_SAYS_SO = ("id", "type", "specversion")
"""One of these makes a message one in binary mode; other headers may come from anywhere."""


def is_binary(names: Iterable[str], content_type: str, prefix: str) -> bool:
    """Whether attributes stand in headers of these names, in lower case; a structured content type says they do not."""
    if content_type.strip().lower().startswith(STRUCTURED):
        return False
    found = set(names)
    return any(prefix + name in found for name in _SAYS_SO)


def from_http(headers: Iterable[tuple[bytes, bytes]], body: bytes) -> dict[str, Any]:
    """The event of a request in binary mode; header values are percent-encoded (HTTP binding 1.0.2, 3.1.3.2).

    Raises InvalidEvent.
    """
    found: dict[str, bytes] = {}
    for raw_name, value in headers:
        name = raw_name.decode("latin-1").lower()
        if name in found and (name.startswith(HTTP_PREFIX) or name == "content-type"):
            raise InvalidEvent("doubled_header", f"the header `{name[:50]}` stands twice; send it once")
        found[name] = value
    kind = found.get("content-type", b"").decode("latin-1")
    attributes = {
        name.removeprefix(HTTP_PREFIX): _unquoted(value)
        for name, value in found.items()
        if name.startswith(HTTP_PREFIX)
    }
    return _event(attributes, kind, body)


def from_kafka(headers: Mapping[str, bytes], value: bytes) -> dict[str, Any]:
    """The event of a record in binary mode; header values are UTF-8 (Kafka binding 1.0.2, 3.2.3).

    Raises InvalidEvent.
    """
    kind = headers.get("content-type", b"").decode("latin-1")
    attributes = {
        name.removeprefix(KAFKA_PREFIX): held for name, held in headers.items() if name.startswith(KAFKA_PREFIX)
    }
    return _event(attributes, kind, value)


def kept_of(headers: Mapping[str, bytes], value: bytes) -> bytes:
    """A record in binary mode as one event in JSON, however broken it is: what is kept of it when it is dead, so that
    it can be looked at, mended and sent again without its headers."""
    event: dict[str, Any] = {
        name.removeprefix(KAFKA_PREFIX): held.decode("utf-8", "replace")
        for name, held in headers.items()
        if name.startswith(KAFKA_PREFIX)
    }
    try:
        event["data"] = read(value)
        return orjson.dumps(event)
    except (InvalidEvent, orjson.JSONEncodeError):
        event.pop("data", None)
        return orjson.dumps({**event, "data_base64": base64.b64encode(value).decode()})


def unpacked(body: Any) -> Any:
    """The event with its data as JSON, where it came as `data_base64`. Raises InvalidEvent."""
    if not isinstance(body, dict) or "data_base64" not in body:
        return body
    if "data" in body:
        raise InvalidEvent("invalid_data", "an event has `data` or `data_base64`, not both")
    try:
        raw = base64.b64decode(str(body["data_base64"]), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidEvent("invalid_data", "`data_base64` is no base64") from None
    return {**{name: value for name, value in body.items() if name != "data_base64"}, "data": _data(raw)}


def _event(attributes: Mapping[str, bytes], kind: str, body: bytes) -> dict[str, Any]:
    event: dict[str, Any] = {}
    for name, value in attributes.items():
        if not _ATTRIBUTE.fullmatch(name) or name == "data":
            raise InvalidEvent("invalid_attribute", f"`{name[:50]}` is no attribute: lower-case letters and digits")
        try:
            event[name] = value.decode()
        except UnicodeDecodeError:
            raise InvalidEvent(f"invalid_{name}", f"`{name}` is not UTF-8, percent-encoded over HTTP") from None
    if kind and not _JSON.fullmatch(kind.strip()):
        raise InvalidEvent("invalid_datacontenttype", f"`data` is JSON: the content type is {kind[:100]!r}")
    if body:
        event["data"] = _data(body)
    return event


def _data(raw: bytes) -> Any:
    try:
        return read(raw)
    except InvalidEvent as error:
        raise InvalidEvent(error.slug, f"the data is {error}") from None


def _unquoted(value: bytes) -> bytes:
    """A header's value without quotes (RFC 9110, 5.6.4) and percent-encoding."""
    if len(value) > 1 and value[:1] == value[-1:] == b'"':
        value = re.sub(rb"\\(.)", rb"\1", value[1:-1])
    return unquote_to_bytes(value)

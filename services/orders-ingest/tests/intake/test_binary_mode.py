"""CloudEvents in every mode over HTTP, with the CloudEvents SDK as client, are one event (ORD-001)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import httpx
import orjson
import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from common.events import Event, InvalidEvent
from orders_ingest.intake.modes import from_http, from_kafka, kept_of, unpacked

Published = Callable[[], Awaitable[list[Event[Any]]]]
PATHS = ["/v1/events", "/v1/shops/demo/events"]


def sdks(body: dict[str, Any], **more: Any) -> CloudEvent:
    attributes = {name: value for name, value in body.items() if name != "data"}
    attributes["time"] = datetime.fromisoformat(attributes["time"])
    return CloudEvent({**attributes, "datacontenttype": "application/json", **more}, body["data"])


@pytest.mark.parametrize("path", PATHS)
async def test_the_sdks_binary_mode_is_taken_as_the_same_event(
    api: httpx.AsyncClient, tell: Any, published: Published, path: str
) -> None:
    body = tell.order("completed", {"remark": "bitte läuten"}, subject="安妮", id="o 1/50%")
    message = to_binary_event(sdks(body))
    for status in ("accepted", "duplicate"):
        answer = await api.post(path, content=message.body, headers=message.headers)
        assert (answer.status_code, answer.json()) == (202, {"id": "o 1/50%", "status": status}), answer.text
    (event,) = await published()
    assert (event.subject, event.id, event.source, event.data.goods_paid) == ("安妮", "o 1/50%", body["source"], 9990)


@pytest.mark.parametrize("path", PATHS)
async def test_the_sdks_structured_mode_is_taken(api: httpx.AsyncClient, tell: Any, path: str) -> None:
    message = to_structured_event(sdks(tell.order()))
    answer = await api.post(path, content=message.body, headers=message.headers)
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted"), answer.text


async def test_a_structured_event_is_taken_whatever_headers_come_with_it(api: httpx.AsyncClient, tell: Any) -> None:
    headers = {"ce-id": "another", "ce-type": "x", "content-type": "application/cloudevents+json"}
    answer = await api.post("/v1/events", json=tell.order(), headers=headers)
    assert answer.json() == {"id": "e-1", "status": "accepted"}


async def test_what_the_path_says_is_filled_in_as_in_structured_mode(api: httpx.AsyncClient, tell: Any) -> None:
    headers = {"ce-id": "v-1", "ce-type": "product.viewed", "ce-subject": "ann", "content-type": "application/json"}
    answer = await api.post("/v1/shops/demo/events", content=b'{"sku":"s-1"}', headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted"), answer.text


CE = {"ce-specversion": "1.0", "ce-id": "e-1", "ce-type": "product.viewed", "ce-subject": "ann"}


@pytest.mark.parametrize(
    ("headers", "body", "status", "slug"),
    [
        ([("content-type", "application/json")], b'{"sku":', 400, "malformed_json"),
        ([("content-type", "application/json")], b"", 422, "missing_data"),
        ([("content-type", "application/json")], b"[1]", 422, "invalid_data"),
        ([("content-type", "application/xml")], b"<a/>", 415, "unsupported_media_type"),
        ([("content-type", "application/json"), ("ce-id", "e-2")], b'{"sku":"s"}', 422, "doubled_header"),
        ([("content-type", "application/json"), ("ce-shop", "%ff")], b'{"sku":"s"}', 422, "invalid_shop"),
        ([("content-type", "application/json"), ("ce-data", "x")], b'{"sku":"s"}', 422, "invalid_attribute"),
        ([("content-type", "application/json"), ("ce-shop", "other")], b'{"sku":"s"}', 422, "wrong_shop"),
    ],
)
async def test_what_is_wrong_in_binary_mode_is_told(
    api: httpx.AsyncClient, headers: list[tuple[str, str]], body: bytes, status: int, slug: str
) -> None:
    answer = await api.post("/v1/shops/demo/events", content=body, headers=[*CE.items(), *headers])
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}"), answer.text


async def test_data_in_base64_is_read_alone_and_in_a_batch(
    api: httpx.AsyncClient, tell: Any, published: Published
) -> None:
    good = {**tell.event("product.viewed", {}), "data_base64": "eyJza3UiOiJzLTEifQ=="}
    del good["data"]
    both = {**good, "id": "both", "data": {}}
    no_base64 = {**good, "id": "none", "data_base64": "***"}
    kind = {"content-type": "application/cloudevents-batch+json"}
    answer = await api.post("/v1/events", json=[good, both, no_base64], headers=kind)
    assert [one["status"] for one in answer.json()["results"]] == ["accepted", "refused", "refused"], answer.text
    (event,) = await published()
    assert event.data.sku == "s-1"


texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)


@given(texts)
def test_every_text_comes_through_the_sdks_headers(text: str) -> None:
    event = CloudEvent(
        {"id": text, "type": "t", "source": "/s", "subject": text, "datacontenttype": "application/json"}, {"a": text}
    )
    message = to_binary_event(event)
    raw = [(name.encode(), value.encode()) for name, value in message.headers.items()]
    body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
    read = from_http(raw, body)
    assert (read["id"], read["subject"], read["data"]) == (text, text, {"a": text})


@given(st.dictionaries(st.sampled_from(["ce_id", "ce_type", "ce_shop", "content-type", "x"]), st.binary()), st.binary())
def test_a_record_of_any_bytes_is_read_or_refused_and_kept_as_one_event(
    headers: dict[str, bytes], value: bytes
) -> None:
    kept = kept_of(headers, value)
    try:
        read = from_kafka(headers, value)
    except InvalidEvent:
        return
    if value:
        assert unpacked(orjson.loads(kept))["data"] == read["data"]


def test_a_record_as_the_javascript_sdk_makes_it_is_read() -> None:
    """npm `cloudevents` 10: it also writes `ce_datacontenttype`, and texts as they are."""
    headers = {"content-type": b"application/json", "ce_datacontenttype": b"application/json", "ce_id": b"o 1/50%"}
    event = from_kafka({**headers, "ce_subject": "安妮".encode()}, b'{"sku":"s"}')
    assert event == {
        "datacontenttype": "application/json",
        "id": "o 1/50%",
        "subject": "安妮",
        "data": {"sku": "s"},
    }


def test_a_header_that_is_neither_percent_encoded_nor_utf_8_is_refused() -> None:
    """npm `cloudevents` encodes nothing, and Node sends ü as one byte: who means it must write %C3%BC."""
    headers = [(b"ce-id", b"1"), (b"ce-subject", "Jürgen".encode("latin-1"))]
    with pytest.raises(InvalidEvent, match="percent-encoded") as raised:
        from_http(headers, b"{}")
    assert raised.value.slug == "invalid_subject"

"""Whatever the bytes of an event are, reading them ends in an event or in InvalidEvent."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contract.published import published_example
from common.events import EVENTS, EventData, InvalidEvent, NewerVersion, decode, from_dict

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def body(**changes: Any) -> dict[str, Any]:
    data = {"order_id": "o-1", "state": "completed", "currency": "USD", "goods_paid": 1000}
    return {
        "specversion": "1.0",
        "id": "p1",
        "source": "/shops/teahouse/backend",
        "shop": "teahouse",
        "subject": "ann",
        "type": "order.completed",
        "time": "2026-10-01T10:00:00Z",
        "data": data,
    } | changes


@pytest.mark.parametrize("last", ["²", "٣", "9" * 5_000, "1" * 4_301, "", "-1", "1.0", "-", "v", "vv1", "one"])
def test_a_version_that_is_no_short_ascii_number_is_refused(last: str) -> None:
    """`²` and `٣` are digits to str.isdigit; 4,301 digits are more than int() reads."""
    with pytest.raises(InvalidEvent) as refused:
        decode(orjson.dumps(body(dataschema=f"/schemas/order.completed/{last}")))
    assert refused.value.slug == "unknown_version"
    assert not isinstance(refused.value, NewerVersion)


def test_a_newer_version_of_a_known_event_is_not_taken_for_nonsense() -> None:
    with pytest.raises(NewerVersion, match=r"order\.completed is read in versions 1 to 1, not 2"):
        decode(orjson.dumps(body(dataschema="/schemas/order.completed/v2")))


def test_data_nested_deeper_than_can_be_written_again_is_refused() -> None:
    """JSON is read 1,024 levels deep, but written only 254."""
    nested = b'{"order_id":' + b"[" * 600 + b"]" * 600 + b"}"
    with pytest.raises(InvalidEvent):
        decode(orjson.dumps(body(data=None)).replace(b'"data":null', b'"data":' + nested))


@pytest.mark.parametrize(
    ("instant", "slug"),
    [
        ("9999-12-31T23:59:59-14:00", "time_in_future"),
        ("9999-12-31T23:59:59Z", "time_in_future"),
        ("2200-01-01T00:00:00Z", "time_in_future"),
        ("2199-12-31T23:59:59Z", None),
        ("1970-01-01T00:00:00Z", None),
        ("1969-12-31T23:59:59Z", "time_too_old"),
        ("0001-01-01T00:00:00+14:00", "time_too_old"),
    ],
)
@pytest.mark.parametrize("field", ["time", "completed_at"])
def test_an_instant_too_near_to_an_end_of_the_calendar_is_refused(field: str, instant: str, slug: str | None) -> None:
    """Months are added to instants, and days taken off them; no reader must fail at that."""
    sent = body(time=instant) if field == "time" else body(data=body()["data"] | {field: instant})
    if slug is None:
        assert decode(orjson.dumps(sent)).type == "order.completed"
        return
    with pytest.raises(InvalidEvent) as refused:
        decode(orjson.dumps(sent))
    assert refused.value.slug == slug


@pytest.mark.parametrize("kind", EVENTS.values(), ids=str)
def test_no_instant_of_any_event_may_lie_beyond_the_calendar(kind: type[EventData]) -> None:
    for name, schema in kind.model_json_schema().get("properties", {}).items():
        if "date-time" not in str(schema):
            continue
        example = published_example(kind)
        with pytest.raises(InvalidEvent) as refused:
            from_dict(example | {"data": example["data"] | {name: "9999-12-31T23:59:59Z"}})
        assert refused.value.slug == "time_in_future", name


@pytest.mark.parametrize("kind", EVENTS.values(), ids=str)
def test_no_event_takes_a_whole_number_that_the_database_does_not(kind: type[EventData]) -> None:
    """Every whole number of every event class has bounds within 64 bits."""
    for number in _integers(kind.model_json_schema()):
        assert number.get("minimum", number.get("exclusiveMinimum", -(10**30))) >= -(2**63), number
        assert number.get("maximum", number.get("exclusiveMaximum", 10**30)) < 2**63, number


def _integers(schema: Any) -> list[dict[str, Any]]:
    """Every part of a JSON Schema that takes whole numbers."""
    if isinstance(schema, list):
        return [found for part in schema for found in _integers(part)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if schema.get("type") == "integer" else []
    return own + [found for part in schema.values() for found in _integers(part)]


@given(st.sampled_from(["id", "source", "shop", "subject", "type", "time", "dataschema", "data", "partitionkey"]), JSON)
def test_anything_in_any_attribute_is_an_event_or_invalid(name: str, value: Any) -> None:
    try:
        event = from_dict(body(**{name: value}))
    except InvalidEvent:
        return
    assert event.type in EVENTS


@given(st.sampled_from(sorted(EVENTS)), st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_any_data_of_any_type_is_an_event_or_invalid(kind: str, data: dict[str, Any]) -> None:
    try:
        event = from_dict(body(type=kind, data=data))
    except InvalidEvent:
        return
    assert event.type == kind


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_invalid(raw: bytes) -> None:
    with pytest.raises(InvalidEvent):
        decode(raw)


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("application/json", False),
        ("application/json; charset=utf-8", False),
        ("application/vnd.shop+json", False),
        (None, False),
        ("text/xml", True),
        ("application/jsonp", True),
        (7, True),
    ],
)
def test_data_that_is_said_to_be_something_else_than_json_is_refused(said: Any, refused: bool) -> None:
    offered = body() if said is None else body(datacontenttype=said)
    if not refused:
        assert from_dict(offered).id == "p1"
        return
    with pytest.raises(InvalidEvent) as error:
        from_dict(offered)
    assert error.value.slug == "invalid_datacontenttype"


@pytest.mark.parametrize("raw", [b"\x1f\x8b\x08\x00", b'{"id": "\xff"}'])
def test_bytes_that_are_no_text_are_refused_in_plain_words(raw: bytes) -> None:
    with pytest.raises(InvalidEvent, match=r"^not JSON in UTF-8$"):
        decode(raw)


@pytest.mark.parametrize("sku", ["y" * 300, "茶" * 100, "a/b"])
def test_what_we_write_of_a_thing_with_the_longest_name_is_read_again(sku: str) -> None:
    """The key is the shop and the name, which is bounded by itself."""
    product = body(type="product.changed", data={"sku": sku}, partitionkey=sku)
    del product["subject"]
    event = from_dict(product)
    assert event.key == f"teahouse/{sku}"
    assert decode(event.encode()).key == event.key
    with pytest.raises(InvalidEvent, match="partitionkey"):
        from_dict(product | {"partitionkey": "teahouse/" + "y" * 301})

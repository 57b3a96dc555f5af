"""The types that doors and events share take what every reader can decode, key and store."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from common.events import InvalidEvent, decode, rfc3339
from common.events.fields import (
    Identifier,
    Instant,
    Name,
    PersonalText,
    PlannedTime,
    Position,
    Revision,
    ShopName,
    Text,
)
from common.http.bodies import Body
from common.values.names import asked
from common.values.texts import find_unfit, find_unfit_json


def takes(kind: Any, value: Any) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("step", [".", ".."])
def test_an_identifier_that_no_path_can_name_is_refused_where_it_is_asked_for_and_read_where_it_was_taken(
    step: str,
) -> None:
    class Asked(Body):
        id: Identifier

    event = {"id": "1", "source": "/shops/s/b", "type": "chat.ended", "time": "2025-03-05T12:00:00Z", "shop": "s"}
    raw = orjson.dumps({**event, "subject": step, "data": {}})
    assert decode(raw).subject == step
    with asked(), pytest.raises(InvalidEvent, match="browsers and proxies"):
        decode(raw)
    with pytest.raises(ValidationError, match="browsers and proxies"):
        Asked(id=step)
    assert Asked(id=f"{step}a") == Asked(id=f"{step}a")
    assert takes(Identifier, step)


@given(st.text(max_size=210))
def test_an_identifier_holds_no_space_and_no_control_and_fits_an_index(text: str) -> None:
    kinds = {unicodedata.category(character) for character in text}
    fits = 0 < len(text.encode("utf-8", "replace")) <= 200
    unfit = any(c.isspace() or c in "/#|" for c in text) or kinds & {"Cc", "Zs", "Zl", "Zp", "Cs"}
    assert takes(Identifier, text) == (fits and not unfit)


@pytest.mark.parametrize("number", [*range(0x21), *range(0x7F, 0xA1), 0x1680, 0x2000, 0x200A, 0x2028, 0x202F, 0x3000])
def test_every_space_and_control_character_of_unicode_is_refused(number: int) -> None:
    """E8a: languages differ in what they call a space; U+001C to 1F are none in Rust's expressions."""
    assert not takes(Identifier, f"a{chr(number)}b")
    pattern = TypeAdapter(Identifier).json_schema()["pattern"]
    assert re.search(pattern, f"a{chr(number)}b") is None, "the schema says the same"
    assert takes(Name, f"a{chr(number)}b") == (number == 0x20)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Identifier, ["c" * 200, "茶" * 66, "ann@example.test"], ["", "c" * 201, "茶" * 67, "a/b", "a#b", "a|b"]),
        (ShopName, ["a", "Tea-house_1.cn", "a" * 63], ["", "a" * 64, "茶叶店", ".a", "-a", "a b", "a\n"]),
        (Name, ["order 1/paid#2", "n" * 300], ["", "n" * 301, "茶" * 101]),
        (Text, ["", "茶" * 500], ["a" * 501, "a\x00", "\ud800"]),
        (PersonalText, ["茶" * 4000], ["茶" * 4001, "a\x00"]),
        (Revision, [0, 2**53 - 1], [-1, 2**53, 1.0, True]),
        (Position, [0, "7", 2**53 - 1], [-1, 2**63, 2**53]),
    ],
)
def test_limits(kind: Any, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if not takes(kind, value)] == []
    assert [value for value in bad if takes(kind, value)] == []


def test_a_time_is_by_rfc_3339_and_ends_with_the_calendar() -> None:
    instant = TypeAdapter(Instant)
    assert instant.validate_python("2025-03-05T12:00:00+08:00") == datetime(2025, 3, 5, 4, tzinfo=UTC)
    assert instant.validate_python("9999-12-31T23:59:59-14:00") == datetime.max.replace(tzinfo=UTC)
    assert instant.validate_python("0001-01-01T00:00:00+14:00") == datetime.min.replace(tzinfo=UTC)
    for no_time in (
        "1700000000",
        1700000000,
        "2025-03-05",
        "2025-03-05T12:00:00",
        "2025-03-05T12:00Z",
        "2025-02-30T12:00:00Z",
    ):
        assert not takes(Instant, no_time)
    assert takes(PlannedTime, "2199-12-31T00:00:00Z")
    assert not takes(PlannedTime, "9999-12-31T23:59:59Z")
    assert not takes(PlannedTime, "9999-12-31T23:59:59-14:00")


@given(
    st.datetimes(timezones=st.just(UTC)).map(rfc3339)
    | st.from_regex(r"\A\d{4}-[01]\d-[0-3]\d[Tt ][0-2]\d:[0-6]\d:[0-6]\d(\.\d{1,9})?(Z|z|[+-][01]\d:[0-6]\d)\Z")
)
def test_a_time_as_we_write_it_is_read_as_any_other(text: str) -> None:
    """The short way of reading takes what pydantic takes, and makes the same of it."""
    try:
        expected = TypeAdapter(AwareDatetime).validate_python(text).astimezone(UTC)
    except ValidationError:
        assert not takes(Instant, text)
        return
    except OverflowError:
        return  # the calendar's end, above
    assert TypeAdapter(Instant).validate_python(text) == expected
    assert TypeAdapter(Instant).validate_json(orjson.dumps(text)) == expected


values = st.recursive(
    st.text(max_size=5) | st.integers(-(2**53), 2**53) | st.none(),
    lambda v: st.lists(v) | st.dictionaries(st.text(max_size=5), v),
)


@given(values)
def test_a_text_that_can_be_stored_has_no_pointer(value: Any) -> None:
    assert (find_unfit(value) is None) == ("\\u0000" not in str(orjson.dumps(value).replace(b"\\\\", b"")))
    assert find_unfit_json(orjson.dumps(value)) == find_unfit(value)


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        (b'{"a": ["x", {"b/c": "\\u0000"}]}', "/a/1/b~1c"),
        (b'{"a": "\\ud83c\\udf75"}', None),
        (b'{"a": "\\ud83c"}', "/a"),
        (b'{"a": {"\\u0000": 1}}', "/a"),
        (b'{"a": "\\\\u0000"}', None),
        (b'{"a": "\\u0000"', None),
    ],
)
def test_the_pointer_of_a_text_that_cannot_be_stored(raw: bytes, pointer: str | None) -> None:
    assert find_unfit_json(raw) == pointer


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"dataschema": "/x/²"}, "unknown_version"),
        ({"dataschema": "/x/" + "9" * 5000}, "unknown_version"),
        ({"dataschema": 1}, "unknown_version"),
        ({"subject": "a\x1fb"}, "invalid_subject"),
        ({"subject": "c" * 300}, "invalid_subject"),
        ({"shop": "茶叶店"}, "invalid_shop"),
        ({"source": "/shops/s/a#b"}, "invalid_source"),
        ({"id": "a\nb"}, "invalid_id"),
        ({"data": {"seconds": 1e30}}, "invalid_data"),
        ({"data": {"unknown": "a\x00b"}}, "invalid_data"),
        ({"time": "1700000000"}, "invalid_time"),
    ],
)
def test_what_no_reader_can_use_is_an_invalid_event_and_no_other_error(change: dict[str, Any], slug: str) -> None:
    event = {
        "id": "1",
        "source": "/shops/s/b",
        "type": "chat.ended",
        "time": "2025-03-05T12:00:00Z",
        "shop": "s",
        "subject": "ann",
        "data": {},
    }
    assert decode(orjson.dumps(event)).subject == "ann"
    with pytest.raises(InvalidEvent) as caught:
        decode(orjson.dumps({**event, **change}))
    assert caught.value.slug == slug

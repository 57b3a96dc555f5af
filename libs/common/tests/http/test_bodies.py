"""Unknown names in what callers send, at any depth."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from common.http.bodies import Body


class Part(BaseModel):
    """Part of an event: consumers ignore what they do not know."""

    model_config = ConfigDict(extra="ignore")
    size: int = 0
    parts: tuple[Part, ...] = ()


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    part: Part | None = None


class Inner(Body):
    part: Part | None = None


class Sent(Body):
    name: str = ""
    lines: tuple[Part, ...] = ()
    strict: Strict | None = None
    inner: list[Inner] | None = None
    anything: dict[str, Any] | None = None


@pytest.mark.parametrize(
    ("sent", "places"),
    [
        ({}, []),
        ({"lines": [{"size": 1}, {"size": 2, "parts": [{"size": 3}]}], "anything": {"goes": {"in": 1}}}, []),
        ({"lines": [{"size": 1}, {"sise": 2}]}, [("lines", 1, "sise")]),
        ({"lines": [{"parts": [{}, {"x": 1}], "y": 2}]}, [("lines", 0, "y"), ("lines", 0, "parts", 1, "x")]),
        ({"strict": {"part": {"x": 1}}}, [("strict", "part", "x")]),
        ({"inner": [{"part": {}}, {"part": {"x": 1}}]}, [("inner", 1, "part", "x")]),
        ({"name": "a", "nam": 1}, [("nam",)]),
    ],
)
def test_a_name_that_is_not_there_is_refused_at_any_depth(sent: dict[str, Any], places: list[tuple[Any, ...]]) -> None:
    """S1: never ignored."""
    if not places:
        Sent.model_validate(sent)
        return
    with pytest.raises(ValidationError) as refused:
        Sent.model_validate(sent)
    assert [(error["type"], error["loc"]) for error in refused.value.errors()] == [
        ("extra_forbidden", place) for place in places
    ]


@pytest.mark.parametrize("sent", [{"lines": 1}, {"lines": [1, None, "x"]}, {"strict": []}, {"lines": None}])
def test_what_is_no_object_is_refused_as_before(sent: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        Sent.model_validate(sent)
    assert all(error["type"] != "extra_forbidden" for error in refused.value.errors())

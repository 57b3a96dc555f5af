"""Ids and revisions of facts."""

from __future__ import annotations

import uuid
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events import EVENTS, Event, EventData
from common.events.envelope import NAMESPACE, fact_id
from common.events.segments import SegmentEntered, SegmentLeft, StageChanged


@given(st.text(max_size=60), st.text(max_size=20), st.integers(0, 99))
def test_a_facts_id_is_the_uuid5_of_what_made_it(cause: str, customer: str, number: int) -> None:
    """A replay makes the same ids in every process."""
    name = f"{cause}|tier.changed|cdnow|{customer}|{number}"
    assert fact_id(cause, "tier.changed", "cdnow", customer, number) == str(uuid.uuid5(NAMESPACE, name))


@pytest.mark.parametrize("kind", EVENTS.values(), ids=str)
def test_a_fact_with_its_revision_is_what_pydantic_would_copy(kind: type[EventData]) -> None:
    made = kind.model_construct()
    numbered = made.with_revision(7)
    if "revision" not in kind.model_fields:
        assert numbered is made
        return
    copied = made.model_copy(update={"revision": 7})
    assert (numbered, numbered.model_fields_set) == (copied, copied.model_fields_set)
    assert numbered.model_dump(warnings=False) == copied.model_dump(warnings=False)
    assert made == kind.model_construct(), "the one that was copied stays as it was"


@pytest.mark.parametrize("name", [each.name for each in fields(Event)])
def test_an_event_with_another_field_is_what_replace_would_make(name: str) -> None:
    at, data = datetime(2025, 3, 1, tzinfo=UTC), StageChanged(new="new", is_repurchaser=False)
    made = Event("e1", "/shops/s/x", "s", "c", at, data, "p", "co", "ca", "00-t", "cl", b"raw")
    given: dict[str, Any] = {name: "other"}
    other = made.having(**given)
    assert other == replace(made, **given)
    assert getattr(other, name) == "other"
    assert other.raw == ("other" if name == "raw" else b"raw")
    assert getattr(made, name) != "other"


def test_an_entry_and_a_leaving_stand_side_by_side_with_those_of_other_segments() -> None:
    """A rebuild compares what each segment was last said to be, not the last of any segment."""
    entered = SegmentEntered(segment="quiet", episode="quiet-1", since=datetime(2025, 3, 1, tzinfo=UTC))
    left = SegmentLeft(segment="quiet", episode="quiet-1")
    assert entered.stands_as() == left.stands_as() != SegmentLeft(segment="loyal", episode="loyal-2").stands_as()
    assert StageChanged(new="new", is_repurchaser=False).stands_as() == StageChanged.standing()

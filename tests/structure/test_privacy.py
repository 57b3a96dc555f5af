"""The page about personal data names every personal field of every event, and what describes a customer (SEC-006)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from common.crypto.sealing import personal_fields
from common.events import EVENTS
from common.events.customers import CustomerProfile
from common.events.envelope import EventData

PAGE = Path(__file__).parents[2] / "docs/privacy.md"


def described() -> dict[str, set[str]]:
    """The personal fields of the page's table, by type of event; a row may mean the events of the row before."""
    found = dict[str, set[str]]()
    events = list[str]()
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| `") or len(cells) != 5:
            continue
        fields, named = (re.findall(r"`([a-z_.]+)`", cell) for cell in cells[:2])
        events = ([*events] if cells[1].startswith("the same") else []) + named
        if "orders below" in cells[1]:
            events += [name for name in EVENTS if "address" in personal_fields(EVENTS[name]).own]
        for event in events:
            found.setdefault(event, set()).update(fields)
    return found


@pytest.mark.parametrize("kind", EVENTS.values(), ids=lambda kind: kind.TYPE)
def test_every_personal_field_has_a_purpose_a_source_and_an_end(kind: type[EventData]) -> None:
    fields = personal_fields(kind)
    assert {*fields.own, *fields.nested} <= described().get(kind.TYPE, set())


def test_the_page_names_no_event_and_no_field_that_there_is_not() -> None:
    for event, fields in described().items():
        personal = personal_fields(EVENTS[event])
        assert fields & {*personal.own, *personal.nested}, event


def test_every_field_of_a_profile_that_is_not_sealed_has_a_purpose_a_source_and_an_end() -> None:
    """And none is named that is sealed, or that there is not."""
    described = set[str]()
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 4:
            assert all(cells), line
            described.update(re.findall(r"`([a-z_]+)`", cells[0]))
    sealed = personal_fields(CustomerProfile)
    counters = {"version", "revision"}
    assert described == set(CustomerProfile.model_fields) - {*sealed.own, *sealed.nested, *counters}

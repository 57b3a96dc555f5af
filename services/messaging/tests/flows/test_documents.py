"""Flows as data: the library is sound, and what is wrong with a flow is said before it is saved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from pydantic import ValidationError

from common.events import EVENTS
from messaging.flows.book import Books, Versioned, library
from messaging.flows.checks import INTERNAL, problems
from messaging.flows.document import Check, FlowDocument
from messaging.flows.drawing import svg
from messaging.flows.starters import STARTERS
from messaging.templates.rendering import known_templates

IN_USE = {
    *(f"order_{state}" for state in ("placed", "paid", "shipped", "delivered", "receipt_due")),
    *(f"parcel_{word}" for word in ("customs", "out_for_delivery", "exception", "sent_back")),
    *("delivery_late", "delivered_late", "survey", "tier", "lapse"),
}
PLAIN: dict[str, Any] = {
    "flow": "mine",
    "title": "Mine",
    "trigger": {"on": "event", "event": "order.completed"},
    "steps": [{"id": "a", "do": "wait", "days": 1}, {"id": "b", "do": "message", "template": "tier"}],
}


@pytest.mark.parametrize("flow", sorted(library()))
def test_every_flow_of_the_library_may_be_saved_and_drawn(flow: str) -> None:
    """MSG-029 to MSG-048, MSG-058 to MSG-060, MSG-063."""
    document = library()[flow].document
    assert problems(document, known_templates()) == []
    drawn = ElementTree.fromstring(svg(document))
    said = "".join(drawn.itertext())
    assert document.title in said
    assert all(step.template in said for step in document.messages)


def test_notices_surveys_tier_and_lapse_are_in_use_and_the_others_are_switched_on_by_the_shop() -> None:
    assert {name for name, found in library().items() if found.document.enabled} == IN_USE
    assert all(library()[name].document.at_once for name in IN_USE)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"trigger": {"on": "event", "event": "order.vanished"}}, "there is no event 'order.vanished'"),
        ({"trigger": {"on": "event", "event": "message.sent"}}, "message.sent starts no flow; these do: "),
        (
            {"trigger": {"on": "event", "event": "order.completed", "details": {"to": "address"}}},
            "'address' of order.completed is personal",
        ),
        (
            {"trigger": {"on": "event", "event": "tier.changed", "where": [{"what": "price", "is": 1}]}},
            "tier.changed has no field 'price'; it has direction",
        ),
        (
            {"trigger": {"on": "event", "event": "rfm.changed", "details": {"class": "new"}}},
            "what rfm.changed says is internal",
        ),
        ({"trigger": {"on": "event", "event": "tier.changed", "cause": "always"}}, "only the first event would count"),
        ({"steps": [{"id": "a", "do": "message", "template": "nothing"}]}, "there is no template 'nothing'"),
        ({"steps": [{"id": "a", "do": "message", "template": "tier", "then": "gone"}]}, "leads to 'gone'"),
        ({"steps": [{"id": "a", "do": "wait", "days": 1}]}, "the flow sends nothing"),
        (
            {
                "steps": [
                    {"id": "a", "do": "message", "template": "tier", "then": "b"},
                    {"id": "b", "do": "wait", "days": 1, "then": "a"},
                ]
            },
            "a circle without an end: a → b → a",
        ),
        (
            {
                "steps": [
                    {"id": "a", "do": "message", "template": "tier", "then": "end"},
                    {"id": "b", "do": "message", "template": "tier"},
                ]
            },
            "steps.b: nothing leads to it",
        ),
        ({"goals": [{"what": "luck", "is": 1}]}, "luck: is no fact"),
        ({"only_if": [{"what": "message.gone", "is": "sent"}]}, "there is no message step 'gone'"),
        ({"only_if": [{"what": "detail.color", "is": "red"}]}, "the trigger gives no detail 'color'"),
    ],
)
def test_what_is_wrong_with_a_flow_is_said(change: dict[str, Any], says: str) -> None:
    assert problems(FlowDocument.model_validate(PLAIN), known_templates()) == []
    found = problems(FlowDocument.model_validate(PLAIN | change), known_templates())
    assert any(says in sentence for sentence in found), found


@pytest.mark.parametrize(
    "change",
    [
        {"steps": [{"id": "a", "do": "run_code"}]},
        {"steps": []},
        {"surprise": 1},
        {"goals": [{"what": "tier", "is": "VIP", "known": True}]},
        {"again": {"rule": "after_days"}},
        {"trigger": {"on": "dates", "dates": ["02-30"]}},
    ],
)
def test_what_is_no_flow_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FlowDocument.model_validate(PLAIN | change)


@pytest.mark.parametrize(
    ("test", "value", "holds"),
    [
        ({"is": 1}, "1", True),
        ({"is": False}, False, True),
        ({"is": "x"}, None, False),
        ({"in": ["a", "b"]}, "b", True),
        ({"at_least": 3}, "3", True),
        ({"at_least": 3}, "many", False),
        ({"at_most": 3}, 4, False),
        ({"known": False}, None, True),
        ({"known": True}, "", True),
    ],
)
def test_a_condition(test: dict[str, Any], value: Any, holds: bool) -> None:
    assert Check.model_validate({"what": "x", **test}).holds(value) == holds


def test_a_shops_version_holds_from_when_it_was_saved_and_runs_keep_theirs() -> None:
    at = datetime(2025, 3, 4, tzinfo=UTC)
    mine = FlowDocument.model_validate({**PLAIN, "flow": "tier", "enabled": False})
    books = Books([Versioned(mine, 1, at), Versioned(mine.model_copy(update={"enabled": True}), 2, at + timedelta(1))])
    before = books.at(at - timedelta(seconds=1))
    assert [v.version for v in before.started_by("tier.changed")] == [0]
    assert not list(books.at(at).started_by("tier.changed"))
    assert [v.version for v in books.at(at + timedelta(2)).started_by("order.completed")] == [2]
    assert books.of("tier", 1) == mine
    assert books.of("tier", 7) is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"only_if": [{"what": "orders", "at_least": 10**50}]}, "less than or equal to 1000000000000"),
        ({"steps": [{"id": "w", "do": "wait", "days": 1, "at": "23:30:00+05:00"}]}, "has no offset"),
    ],
)
def test_what_no_reader_could_hold_and_an_hour_of_elsewhere_are_refused(change: dict[str, Any], says: str) -> None:
    """What was saved is read again by verify and by a rebuild; an hour is the recipient's own."""
    with pytest.raises(ValidationError, match=says):
        FlowDocument.model_validate({**PLAIN, **change})


def test_no_flow_puts_what_the_shop_calls_its_customers_into_a_text() -> None:
    """SEC-009: of every event that starts flows, those of segmentation give a text nothing, whatever field is named."""
    starters = [EVENTS[name] for name in sorted(STARTERS) if EVENTS[name].TOPIC == INTERNAL]
    assert len(starters) > 5
    for kind in starters:
        for field in kind.model_fields:
            trigger = {"on": "event", "event": kind.TYPE, "details": {"word": field}}
            found = problems(FlowDocument.model_validate({**PLAIN, "trigger": trigger}), known_templates())
            assert any("is internal" in sentence for sentence in found), (kind.TYPE, field)

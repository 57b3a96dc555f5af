"""The shop's standard in the ticket: each point once, the required ones before the end (FBK-038)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from common.events.feedback import TicketEvent
from feedback.tickets.compensation import Circumstances
from feedback.tickets.policy import TicketPolicy
from feedback.tickets.refusals import PointsOpen, UnknownPoint
from feedback.tickets.rules import open_ticket, take_step
from feedback.tickets.told import NewTicket, Standing, Step

NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)
SEEN = Circumstances("CNY")
POINTS: Any = [
    {"item_id": "sorry", "words": "Say sorry"},
    {"item_id": "photo", "words": "Look at the photo"},
    {"item_id": "gift", "words": "Offer a gift", "required": False},
]
POLICY = TicketPolicy.model_validate({"checklists": {"complaint": POINTS}})


def opened(kind: Any = "complaint") -> TicketEvent:
    return open_ticket(NewTicket("t1", kind), Standing(), POLICY, UTC, SEEN, NOON)


def step(ticket: TicketEvent, action: Any, policy: TicketPolicy = POLICY, **fields: Any) -> TicketEvent:
    entry = Step(f"e{ticket.revision}", action, by=fields.pop("by", "li"), **fields)
    return take_step(ticket, entry, policy, UTC, SEEN, NOON + timedelta(minutes=ticket.revision))


def test_a_ticket_has_the_points_of_its_kind() -> None:
    assert [(p.item_id, p.required, p.done_at) for p in opened().checklist] == [
        ("sorry", True, None),
        ("photo", True, None),
        ("gift", False, None),
    ]
    assert opened("delivery").checklist == ()


def test_required_points_are_done_before_the_ticket_is_solved() -> None:
    ticket = step(opened(), "check", item="sorry")
    with pytest.raises(PointsOpen) as refused:
        step(ticket, "resolve")
    assert refused.value.more == {"items": ["photo"]}
    assert step(step(ticket, "check", item="photo"), "resolve").state == "resolved"


@pytest.mark.parametrize("outcome", ["rejected", "withdrawn"])
def test_what_ends_unsolved_needs_no_point(outcome: Any) -> None:
    assert step(opened(), "resolve", outcome=outcome).outcome == outcome


def test_who_did_a_point_first_stands() -> None:
    ticket = step(step(opened(), "check", item="sorry"), "check", item="sorry", by="wu")
    assert (ticket.checklist[0].done_by, ticket.checklist[0].done_at) == ("li", NOON + timedelta(minutes=1))


def test_a_point_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UnknownPoint, match="sorry, photo, gift"):
        step(opened(), "check", item="tea")


def test_a_later_standard_changes_no_ticket_that_is_open() -> None:
    ticket = step(opened(), "check", item="sorry", policy=TicketPolicy())
    assert [p.item_id for p in ticket.checklist] == ["sorry", "photo", "gift"]


def test_points_have_ids_of_their_own() -> None:
    with pytest.raises(ValidationError, match="of its own"):
        TicketPolicy.model_validate({"checklists": {"complaint": [POINTS[0], POINTS[0]]}})

"""A flow that asks people to do something: one task a run, in words that name nobody (XCT-003)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from common.events import Event
from common.events.feedback import LeaveReasonGiven
from messaging.flows.book import Book, Versioned, library
from messaging.flows.checks import problems
from messaging.flows.document import FlowDocument
from messaging.flows.drawing import svg
from messaging.flows.running.facts import wanted
from messaging.flows.running.rules import next_move
from messaging.flows.running.state import RunFacts
from messaging.flows.starting import starts

from .test_running import DAY, SHANGHAI, START, run

TASK: dict[str, Any] = {"id": "write", "do": "task", "kind": "letter", "title": "Thank by hand", "due_days": 3}
DOCUMENT: dict[str, Any] = {
    "flow": "letter",
    "title": "A letter for the third order",
    "trigger": {"on": "event", "event": "order.completed", "details": {"order_id": "order_id"}},
    "steps": [TASK, {"id": "later", "do": "wait", "days": 7}, {**TASK, "id": "call", "kind": "call", "owner": "Li"}],
}


def test_a_task_is_asked_for_when_the_run_passes_it_and_the_flow_goes_on() -> None:
    flow = FlowDocument.model_validate(DOCUMENT)
    assert problems(flow, set()) == []
    assert "task: Thank by hand" in svg(flow)
    begun = run("letter", details={"order_id": "o1"})
    first = next_move(flow, begun, RunFacts(), START, SHANGHAI)
    assert first is not None
    (asked,) = wanted(begun, flow, first)
    told = asked.data
    assert (told.kind, told.title, told.order_id) == ("letter", "Thank by hand", "o1")
    assert (told.due_at, told.requested_by, asked.subject) == (START + 3 * DAY, "flow letter", begun.customer)
    waiting = replace(begun, number=1, step="later", until=START + 7 * DAY)
    last = next_move(flow, waiting, RunFacts(), START + 7 * DAY, SHANGHAI)
    assert last is not None
    (call,) = wanted(waiting, flow, last)
    assert (call.data.kind, call.data.owner, last.reason) == ("call", "Li", "finished")
    assert call.data.task_id != told.task_id
    assert wanted(begun, flow, first) == [asked], "the same again"


@pytest.mark.parametrize("wrong", [{"kind": "dance"}, {"title": ""}, {"due_days": 91}, {"title": "x" * 201}])
def test_a_task_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FlowDocument.model_validate({**DOCUMENT, "steps": [{**TASK, **wrong}]})


@pytest.mark.parametrize(
    ("reason", "templates", "step", "tasks"),
    [
        ("cheaper_price", [], "coupon", 0),
        ("service", ["churn_service"], None, 1),
        ("nobody_cares", ["churn_service"], None, 1),
        ("better_product", ["win_back_trial"], None, 0),
        ("other", ["win_back"], None, 0),
    ],
)
def test_who_leaves_is_answered_by_the_reason(reason: str, templates: list[str], step: str | None, tasks: int) -> None:
    """MSG-044, MSG-045: the flow of the library that begins with leave_reason.given."""
    flow = library()["win_back_by_reason"].document
    told: Event[Any] = Event("e", "/shops/s/feedback", "s", "c", START, LeaveReasonGiven(survey_id="v1", reason=reason))
    switched_on = Book([Versioned(flow.model_copy(update={"enabled": True}))])
    (start,) = starts(switched_on, told)
    assert (start.cause, start.details) == ("left/v1", {"reason": reason})
    begun = run(flow.flow, details=start.details)
    move = next_move(flow, begun, RunFacts(), START, SHANGHAI)
    assert move is not None
    assert [ask.step.template for ask in move.asked] == templates
    assert (move.step, len(wanted(begun, flow, move))) == (step, tasks)


def test_a_flow_that_does_nothing_is_told_so() -> None:
    idle = FlowDocument.model_validate({**DOCUMENT, "steps": [{"id": "later", "do": "wait", "days": 7}]})
    assert problems(idle, set()) == ["steps: the flow sends nothing, and asks nobody to do anything"]

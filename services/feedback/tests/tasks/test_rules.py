"""Staff tasks as rules: what fits together, what is a repetition, what is over (XCT-003, FBK-020)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from feedback.tasks.rules import Ending, NewTask, TaskEnded, TaskUnfit, changed, ended, is_overdue, requested

NOW = datetime(2025, 3, 1, tzinfo=UTC)
DUE = NOW + timedelta(days=2)


def new(**fields: Any) -> NewTask:
    told: dict[str, Any] = {"task_id": "t", "kind": "call", "title": "Call", "due_at": DUE}
    return NewTask(**told | fields)


IMPROVEMENT = new(kind="improvement", topic="packaging", owner="warehouse")


@pytest.mark.parametrize(
    ("task", "customer"),
    [
        (new(text="likes green tea"), None),
        (new(kind="improvement", owner="warehouse"), None),
        (new(topic="packaging"), "ann"),
        (new(kind="improvement", topic="packaging"), None),
        (new(kind="improvement", topic="packaging", owner="warehouse"), "ann"),
    ],
)
def test_what_does_not_fit_together_is_refused(task: NewTask, customer: str | None) -> None:
    with pytest.raises(TaskUnfit):
        requested(task, customer, NOW)


def test_a_task_goes_from_its_request_to_its_end_by_revisions() -> None:
    task = requested(new(text="likes green tea"), "ann", NOW)
    given = changed(task, "chen", None)
    assert given is not None
    assert changed(given, "chen", None) is None, "it stands so"
    later = changed(given, None, DUE + timedelta(days=1))
    assert later is not None
    how = Ending("not_reached", "chen", remark="no answer")
    over = ended(later, how, "ann", NOW + timedelta(hours=1))
    assert over is not None
    assert [t.revision for t in (task, given, later, over)] == [1, 2, 3, 4]
    assert (over.owner, over.text, over.outcome, over.remark) == ("chen", "likes green tea", "not_reached", "no answer")
    assert ended(over, how, "ann", NOW + timedelta(hours=2)) is None, "the very same again"
    with pytest.raises(TaskEnded):
        ended(over, Ending("done", "chen"), "ann", NOW)
    with pytest.raises(TaskEnded):
        changed(over, "li", None)


@pytest.mark.parametrize(("by", "same"), [("li (key 00000000)", True), ("li", True), ("wu (key 1a2b3c4d)", False)])
def test_what_another_key_tells_again_is_a_repetition(by: str, *, same: bool) -> None:
    """The key that took its place, or that vouches for people by now."""
    task = requested(new(requested_by="li (key 1a2b3c4d)"), "ann", NOW)
    assert new(requested_by=by).says_the_same(task) is same
    over = ended(task, Ending("done", "li (key 1a2b3c4d)"), "ann", NOW)
    assert over is not None
    if same:
        assert ended(over, Ending("done", by), "ann", NOW) is None
    else:
        with pytest.raises(TaskEnded):
            ended(over, Ending("done", by), "ann", NOW)


def test_an_improvement_that_is_done_says_what_was_changed() -> None:
    """FBK-021: an action log."""
    task = requested(IMPROVEMENT, None, NOW)
    with pytest.raises(TaskUnfit):
        ended(task, Ending("done", "chen"), None, NOW)
    with pytest.raises(TaskUnfit):
        ended(task, Ending("done", "chen", "thicker boxes", remark="ann was glad"), None, NOW)
    assert ended(task, Ending("not_needed", "chen"), None, NOW) is not None
    over = ended(task, Ending("done", "chen", "thicker boxes"), None, NOW)
    assert over is not None
    assert over.measure == "thicker boxes"


def test_overdue_is_what_is_open_after_its_time() -> None:
    task = requested(IMPROVEMENT, None, NOW)
    assert not is_overdue(task, DUE)
    assert is_overdue(task, DUE + timedelta(seconds=1))
    over = ended(task, Ending("failed", "chen"), None, DUE + timedelta(days=1))
    assert over is not None
    assert not is_overdue(over, DUE + timedelta(days=9))

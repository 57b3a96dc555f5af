"""Staff tasks: requested, given to somebody else or put off, ended; pure (XCT-003, FBK-020)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from common.events.feedback import (
    StaffTaskChanged,
    StaffTaskDone,
    StaffTaskEvent,
    StaffTaskKind,
    StaffTaskOutcome,
    StaffTaskRequested,
)
from common.refusals import Conflict, Invalid, NotFound
from common.values.people import is_named_alike


class UnknownTask(NotFound):
    """There is no task of that id."""

    def __init__(self, task_id: str) -> None:
        super().__init__("unknown_task", f"There is no staff task {task_id!r}; GET …/staff-tasks lists them.")


class TaskDiffers(Conflict):
    """A task of that id says something else."""

    def __init__(self, task_id: str) -> None:
        super().__init__(
            "task_differs",
            f"Staff task {task_id} was requested before with other content: give the new one its own id.",
        )


class TaskChanged(Conflict):
    """Somebody changed the task since the caller read it."""

    def __init__(self, revision: int) -> None:
        super().__init__(
            "task_changed",
            f"The task was changed meanwhile, revision {revision} is the newest: read it, and send yours with that.",
            revision=revision,
        )


class TaskEnded(Conflict):
    """The task is over."""

    def __init__(self, task_id: str) -> None:
        super().__init__(
            "task_ended", f"Staff task {task_id} has ended: request a new one for what is to be done besides."
        )


class TaskUnfit(Invalid):
    """What is told does not fit together."""

    def __init__(self, detail: str) -> None:
        super().__init__("task_unfit", detail)


@dataclass(frozen=True, slots=True)
class NewTask:
    """What is told of a task when it is requested."""

    task_id: str
    kind: StaffTaskKind
    title: str
    due_at: datetime
    text: str | None = None
    topic: str | None = None
    order_id: str | None = None
    ticket_id: str | None = None
    requested_by: str | None = None
    owner: str | None = None

    def says_the_same(self, first: StaffTaskEvent) -> bool:
        """Whether the task as it was requested is this one."""
        told = asdict(self) | {"requested_by": first.requested_by}
        return is_named_alike(first.requested_by, self.requested_by) and all(
            getattr(first, name) == value for name, value in told.items()
        )


@dataclass(frozen=True, slots=True)
class Ending:
    """How a task ended: `measure` names nobody, `remark` is about the customer."""

    outcome: StaffTaskOutcome
    by: str
    measure: str | None = None
    remark: str | None = None


def requested(new: NewTask, customer: str | None, at: datetime) -> StaffTaskRequested:
    """Raises TaskUnfit."""
    if customer is None and new.text is not None:
        raise TaskUnfit("`text` is about a customer: name the `customer`, or say it in `title` without personal data.")
    if (new.kind == "improvement") != (new.topic is not None):
        raise TaskUnfit("An improvement is of a `topic`, and nothing else is.")
    if new.kind == "improvement" and (new.owner is None or customer is not None):
        raise TaskUnfit("An improvement is the shop's own: it needs an `owner`, and takes no `customer`.")
    return StaffTaskRequested(**asdict(new), requested_at=at, revision=1)


def changed(stands: StaffTaskEvent, owner: str | None, due_at: datetime | None) -> StaffTaskChanged | None:
    """The task with another owner or due time; None where it stands so. Raises TaskEnded."""
    owner, due_at = owner or stands.owner, due_at or stands.due_at
    if (owner, due_at) == (stands.owner, stands.due_at):
        return None
    if stands.state == "ended":
        raise TaskEnded(stands.task_id)
    return StaffTaskChanged(**_kept(stands) | {"owner": owner, "due_at": due_at, "revision": stands.revision + 1})


def ended(stands: StaffTaskEvent, how: Ending, customer: str | None, at: datetime) -> StaffTaskDone | None:
    """The task once it is over; None where it ended so before. Raises TaskEnded, TaskUnfit."""
    if customer is None and how.remark is not None:
        raise TaskUnfit("`remark` is about a customer, and the task is of none: say in `measure` what was done.")
    if stands.state == "ended":
        stood = Ending(stands.outcome or "done", how.by, stands.measure, stands.remark)
        if stood == how and is_named_alike(stands.ended_by, how.by):
            return None
        raise TaskEnded(stands.task_id)
    if stands.kind == "improvement" and how.outcome == "done" and how.measure is None:
        raise TaskUnfit("Say in `measure` what was changed: satisfaction before and after is shown beside it.")
    return StaffTaskDone(
        **_kept(stands)
        | {
            "state": "ended",
            "outcome": how.outcome,
            "ended_by": how.by,
            "measure": how.measure,
            "remark": how.remark,
            "ended_at": at,
            "revision": stands.revision + 1,
        }
    )


def is_overdue(task: StaffTaskEvent, now: datetime) -> bool:
    return task.state == "open" and task.due_at < now


def _kept(task: StaffTaskEvent) -> dict[str, Any]:
    return {name: getattr(task, name) for name in StaffTaskEvent.model_fields}

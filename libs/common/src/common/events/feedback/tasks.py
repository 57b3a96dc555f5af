"""Staff tasks: what people are to do."""

from __future__ import annotations

from typing import ClassVar, Literal

from common.events.envelope import EventData
from common.events.fields import (
    Identifier,
    Instant,
    PersonalText,
    Revision,
    Text,
)

StaffTaskKind = Literal["call", "letter", "gift", "visit", "training", "event", "improvement", "other"]
StaffTaskOutcome = Literal["done", "not_reached", "failed", "not_needed"]


class StaffTaskEvent(EventData):
    """Something that a person of the shop must do, as it stands; the highest revision counts (XCT-003).

    The subject is the customer it is about, None: the shop's own. `topic`: of an improvement, what customers speak ill
    of (FBK-020), and `measure` what was changed for it (FBK-021); neither names anybody. `text` is what the person
    should know of the customer, `remark` what came of it. `owner`: a person or a department.
    """

    TOPIC: ClassVar[str] = "feedback"
    task_id: Identifier
    kind: StaffTaskKind
    title: Text
    text: PersonalText | None = None
    topic: Text | None = None
    order_id: Identifier | None = None
    ticket_id: Identifier | None = None
    requested_by: Text | None = None
    requested_at: Instant
    owner: Text | None = None
    due_at: Instant
    state: Literal["open", "ended"] = "open"
    outcome: StaffTaskOutcome | None = None
    measure: Text | None = None
    remark: PersonalText | None = None
    ended_by: Text | None = None
    ended_at: Instant | None = None
    revision: Revision = 0


class StaffTaskRequested(StaffTaskEvent):
    TYPE: ClassVar[str] = "task.requested"
    RANK: ClassVar[int] = 360


class StaffTaskChanged(StaffTaskEvent):
    """Another owner, or another due time."""

    TYPE: ClassVar[str] = "task.changed"
    RANK: ClassVar[int] = 361


class StaffTaskDone(StaffTaskEvent):
    """It is over; `outcome` says whether it was done."""

    TYPE: ClassVar[str] = "task.done"
    RANK: ClassVar[int] = 362

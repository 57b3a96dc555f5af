"""Flows: their versions, what their runs went through, and what they ask of other services."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, ClassVar

from pydantic import Field

from common.events.envelope import EventData, NewVersion
from common.events.feedback import StaffTaskKind
from common.events.fields import Count, Identifier, Instant, Number, Text
from common.events.messages.sending import AnyChannel, MessagePurpose


class FlowChanged(NewVersion):
    """A new version of one of the shop's flows, in force from `valid_from`; no customer concerned."""

    TYPE: ClassVar[str] = "flow.changed"
    TOPIC: ClassVar[str] = "messages"
    flow: Text
    document: dict[str, Any]


class FlowEntry(EventData):
    """A customer whom a dated flow begins with, and when."""

    customer: Identifier
    at: Instant


class FlowEntered(EventData):
    """A dated flow begins with these customers, at most 500 an event, after it looked at all up to `upto`; `done`: they
    were the last of the day.

    Read back by messaging alone, in a rebuild: who was there on the day is not known afterwards.
    """

    TYPE: ClassVar[str] = "flow.entered"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 429
    flow: Text
    version: Count
    day: date
    cause: Text
    details: dict[str, Any] = Field(default_factory=dict)
    entries: Annotated[tuple[FlowEntry, ...], Field(max_length=500)] = ()
    upto: Text = ""
    done: bool = False


class FlowCondition(EventData):
    """A fact that the messages of a run rest on."""

    subject: Text
    revision: Number
    value: Text


class FlowMessage(EventData):
    """A message that a move of a run asks for, on each of the channels; `at`: when it fell due."""

    step: Text
    template: Text
    purpose: MessagePurpose
    rank: Count
    channels: tuple[AnyChannel, ...]
    at: Instant


class FlowMoved(EventData):
    """What a look at a run came to: it waits at `step` until `until`, or ended for `reason`.

    `number` counts the moves of the run. `details`, `condition` and `untrue` are of the messages asked for, as the run
    has them. Read back by messaging, in a rebuild: what was known when the run moved is not known afterwards.
    """

    TYPE: ClassVar[str] = "flow.moved"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 430
    run_id: Identifier
    flow: Text
    version: Count
    cause: Text
    number: Count
    reason: Text
    step: Text | None = None
    until: Instant | None = None
    path: tuple[Text, ...] = ()
    asked: Annotated[tuple[FlowMessage, ...], Field(max_length=50)] = ()
    details: dict[str, Any] = Field(default_factory=dict)
    condition: FlowCondition | None = None
    untrue: dict[str, Any] = Field(default_factory=dict)


class CouponRequested(EventData):
    """A flow or a campaign wants the customer to have a coupon of this offer, which membership issues (MEM-054).

    One a customer and `batch`, however often it is asked for. Answered by `coupon.issued`, or by `coupon.declined`.
    """

    TYPE: ClassVar[str] = "coupon.requested"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 431
    offer_id: Identifier
    batch: Identifier


class TaskWanted(EventData):
    """A flow wants a person of the shop to do something for the customer (XCT-003); feedback puts it into its queue.

    One a customer and `task_id`, however often it is asked for. `title` and `owner` name no customer. `requested_by`:
    the flow.
    """

    TYPE: ClassVar[str] = "task.wanted"
    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 434
    task_id: Identifier
    kind: StaffTaskKind
    title: Text
    due_at: Instant
    order_id: Identifier | None = None
    owner: Text | None = None
    requested_by: Text

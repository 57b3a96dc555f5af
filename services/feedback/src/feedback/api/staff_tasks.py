"""Staff tasks: one queue of what people of the shop must do (XCT-003), improvements among them (FBK-020, FBK-021)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.crypto.keys import KeyRing
from common.events.feedback import StaffTaskEvent, StaffTaskKind, StaffTaskOutcome
from common.events.fields import Cursor, Identifier, PlannedTime, Revision, ShopName, Text
from common.http.api import Body, Router, Tx, require
from common.http.people import identifiers_of
from common.http.staff import Staff
from common.refusals import Conflict, Invalid
from feedback.api.cursors import instant_and_name
from feedback.commands import tasks as command
from feedback.revisions.table import Standing
from feedback.tasks import store
from feedback.tasks.rules import Ending, NewTask, UnknownTask, is_overdue
from feedback.tasks.store import Place, State
from feedback.understanding.issues import Counted, per_mille
from feedback.understanding.state import Topic
from feedback.understanding.store_days import count

router = Router(prefix="/v1/shops/{shop}/staff-tasks", tags=["staff tasks"])
Name = Annotated[Text, Field(min_length=1)]
Words = Annotated[str, Field(min_length=1, max_length=2_000)]


class StaffTaskIn(Body):
    """A task to request; `task_id` is the caller's own and makes a repetition harmless.

    `title` and `owner` name no customer. `text`: what the person should know of the customer; stored encrypted.
    An `improvement` is of a `topic` of the key issues, needs an `owner`, a department for example, and is about no
    customer.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "task_id": "pack-better",
                    "kind": "improvement",
                    "title": "Boxes arrive dented: find out why",
                    "topic": "packaging",
                    "owner": "warehouse",
                    "due_at": "2030-03-31T18:00:00+08:00",
                    "requested_by": "li.wei",
                }
            ]
        }
    )
    task_id: Identifier
    kind: StaffTaskKind
    title: Name
    due_at: PlannedTime
    customer: Identifier | None = None
    text: Words | None = None
    topic: Topic | None = None
    order_id: Identifier | None = None
    ticket_id: Identifier | None = None
    owner: Name | None = None
    requested_by: Staff | None = None


class StaffTaskChangeIn(Body):
    """Another owner, another due time, or both; `revision`: the one that the caller has read."""

    owner: Name | None = None
    due_at: PlannedTime | None = None
    revision: Revision

    @model_validator(mode="after")
    def _something(self) -> StaffTaskChangeIn:
        if self.owner is None and self.due_at is None:
            raise ValueError("give `owner`, `due_at` or both")
        return self


class StaffTaskEndIn(Body):
    """How it ended. `measure`: what was changed, of a task of no customer; `remark`: what came of it with a customer,
    stored encrypted."""

    outcome: StaffTaskOutcome
    by: Staff
    measure: Name | None = None
    remark: Words | None = None


class StaffTaskOut(BaseModel):
    """A task as it stands; `text` and `remark` are null where there are none or the customer was erased."""

    task_id: str
    customer: str | None
    kind: StaffTaskKind
    title: str
    text: str | None
    topic: str | None
    order_id: str | None
    ticket_id: str | None
    requested_by: str | None
    requested_at: datetime
    owner: str | None
    due_at: datetime
    overdue: bool
    state: State
    outcome: StaffTaskOutcome | None
    measure: str | None
    remark: str | None
    ended_by: str | None
    ended_at: datetime | None
    revision: int


class StaffTaskPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[StaffTaskOut]
    after: str | None


class SatisfactionOut(BaseModel):
    """What was said of the topic from `since` to `until` (exclusive). `texts`: all of that time.

    `disliked_per_mille`: of all texts, those that speak ill of it; null where nothing was said.
    """

    since: datetime
    until: datetime
    texts: int
    of_topic: int
    disliked: int
    disliked_per_mille: int | None
    stars_hundredths: int | None


class TopicEffectOut(BaseModel):
    """Satisfaction before the improvement was requested, and after it was done; `after` is null until then."""

    task_id: str
    topic: str
    measure: str | None
    before: SatisfactionOut
    after: SatisfactionOut | None


class InvalidTaskCursor(Invalid):
    """The text is no `after` that a page named."""

    def __init__(self) -> None:
        super().__init__("invalid_cursor", "`after` must be the one that the page before named.")


class NoImprovement(Conflict):
    """The task is of no topic, so nothing can be compared."""

    def __init__(self, task_id: str) -> None:
        super().__init__("no_improvement", f"Staff task {task_id} is no improvement: only these have an effect.")


@router.post("", status_code=201, dependencies=[require("feedback:write")])
async def post_staff_task(
    shop: ShopName, body: StaffTaskIn, request: Request, response: Response, tx: Tx
) -> StaffTaskOut:
    """Request a task; 201 when it is new, 200 when the very same was requested before."""
    new = NewTask(**body.model_dump(exclude={"customer"}))
    return _told(response, tx, await command.request_task(tx, _keys(request), shop, body.customer, new))


@router.post("/{task_id}/changes", status_code=201, dependencies=[require("feedback:write")])
async def post_staff_task_change(
    shop: ShopName, task_id: Identifier, body: StaffTaskChangeIn, request: Request, response: Response, tx: Tx
) -> StaffTaskOut:
    """Give a task to somebody else, or put it off; 200 where it stands so."""
    done = await command.change_task(tx, _keys(request), shop, task_id, body.owner, body.due_at, body.revision)
    return _told(response, tx, done)


@router.post("/{task_id}/end", status_code=201, dependencies=[require("feedback:write")])
async def post_staff_task_end(
    shop: ShopName, task_id: Identifier, body: StaffTaskEndIn, request: Request, response: Response, tx: Tx
) -> StaffTaskOut:
    """End a task with its outcome, once; the very same again is answered 200."""
    done = await command.end_task(tx, _keys(request), shop, task_id, Ending(**body.model_dump()))
    return _told(response, tx, done)


@router.get("", dependencies=[require("feedback:read")])
async def list_staff_tasks(
    shop: ShopName,
    request: Request,
    tx: Tx,
    state: State = "open",
    owner: Text | None = None,
    kind: StaffTaskKind | None = None,
    customer: Identifier | None = None,
    overdue: Annotated[bool, Query(description="those alone whose due time has passed")] = False,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> StaffTaskPage:
    """The queue: what is due first first; or what has ended."""
    place, now = _place(after) if after else None, tx.clock.now()
    people = None if customer is None else await identifiers_of(tx, shop, customer)
    rows = await store.list_queue(
        tx,
        shop,
        state,
        place,
        limit + 1,
        owner=owner,
        kind=kind,
        people=people,
        due_before=now if overdue else None,
    )
    stored = [Standing(row.customer or None, StaffTaskEvent.model_validate_json(row.body)) for row in rows[:limit]]
    items = [_out(*one, now) for one in await command.STEPS.readable_all(tx, _keys(request), shop, stored)]
    last = rows[limit - 1] if len(rows) > limit else None
    return StaffTaskPage(items=items, after=f"{last.due_at.isoformat()} {last.task_id}" if last else None)


@router.get("/{task_id}", dependencies=[require("feedback:read")])
async def get_staff_task(shop: ShopName, task_id: Identifier, request: Request, tx: Tx) -> StaffTaskOut:
    """One task as it stands."""
    customer, task = await _task(tx, shop, task_id)
    return _out(customer, await command.STEPS.readable(tx, _keys(request), shop, customer, task), tx.clock.now())


@router.get("/{task_id}/effect", dependencies=[require("feedback:read")])
async def get_staff_task_effect(
    shop: ShopName,
    task_id: Identifier,
    tx: Tx,
    days: Annotated[int, Query(ge=1, le=365, description="so long before, and at most so long after")] = 30,
) -> TopicEffectOut:
    """What customers said of an improvement's topic before it was requested, and after it was done (FBK-021)."""
    _, task = await _task(tx, shop, task_id)
    if task.topic is None:
        raise NoImprovement(task_id)
    span, after = timedelta(days=days), None
    if task.outcome == "done" and task.ended_at is not None:
        after = await _satisfaction(tx, shop, task.topic, task.ended_at, min(task.ended_at + span, tx.clock.now()))
    before = await _satisfaction(tx, shop, task.topic, task.requested_at - span, task.requested_at)
    return TopicEffectOut(task_id=task_id, topic=task.topic, measure=task.measure, before=before, after=after)


async def _satisfaction(tx: Tx, shop: str, topic: str, since: datetime, until: datetime) -> SatisfactionOut:
    said = await count(tx, shop, since, until)
    texts, found = said.all.texts, said.topics.get(topic, Counted())
    return SatisfactionOut(
        since=since,
        until=until,
        texts=texts,
        of_topic=found.texts,
        disliked=found.disliked,
        disliked_per_mille=per_mille(found.disliked, texts),
        stars_hundredths=found.stars_hundredths,
    )


async def _task(tx: Tx, shop: str, task_id: str) -> Standing[StaffTaskEvent]:
    found = await store.TASKS.get(tx, shop, task_id)
    if found is None:
        raise UnknownTask(task_id)
    return found


def _keys(request: Request) -> KeyRing:
    keys: KeyRing = request.app.state.runtime.keys
    return keys


def _place(after: str) -> Place:
    found = instant_and_name(after)
    if found is None:
        raise InvalidTaskCursor
    return Place(*found)


def _told(response: Response, tx: Tx, told: command.Told) -> StaffTaskOut:
    customer, task, new = told
    response.status_code = 201 if new else 200
    return _out(customer, task, tx.clock.now())


def _out(customer: str | None, task: StaffTaskEvent, now: datetime) -> StaffTaskOut:
    told = {name: getattr(task, name) for name in StaffTaskOut.model_fields if name not in ("customer", "overdue")}
    return StaffTaskOut(**told, customer=customer, overdue=is_overdue(task, now))

"""Staff tasks: the queue, one task with what it brought, and its steps (XCT-003, FBK-020, FBK-021)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from common.values.paths import part
from console.client import Answer
from console.forms.fields import Field, read
from console.forms.sheets import Command, Sheet, empty, filled, order, sent
from console.texts import N_
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.numbers import whole
from console.web.page import Viewer

router = APIRouter()
ROWS = 50
VIEWS = ("open", "mine", "overdue", "ended")
KINDS = ("call", "letter", "gift", "visit", "training", "event", "improvement", "other")
TOPICS = (
    *("usage", "packaging", "logistics", "quality", "price"),
    *("service", "description", "size", "membership", "activity"),
)
OUTCOMES = ("done", "not_reached", "failed", "not_needed")
TaskId = Annotated[str, Path(max_length=200)]
TASK = Sheet(
    N_("Ask somebody to do something"),
    N_("Put it in the queue"),
    (
        Field("title", N_("What is to be done"), hint=N_("It names no customer: everybody at the desk reads it.")),
        Field("kind", N_("Kind"), "choice", choices=KINDS, words="task_"),
        Field("due_at", N_("Due"), "instant"),
        Field("owner", N_("Whose"), hint=N_("A person or a department."), optional=True),
        Field("customer", N_("Customer's id"), optional=True),
        Field(
            "text",
            N_("What they should know of the customer"),
            "long",
            N_("It is kept encrypted; an improvement has none."),
            optional=True,
        ),
        Field(
            "topic",
            N_("Topic"),
            "choice",
            N_("Of an improvement: what customers say of it is compared before and after."),
            TOPICS,
            "topic_",
            optional=True,
        ),
        Field("order_id", N_("Order"), optional=True),
        Field("ticket_id", N_("Ticket"), optional=True),
    ),
    ("/tasks", N_("Tasks")),
    N_("A letter, a gift, a visit, something to be mended: whoever has time takes it from the queue."),
)
CHANGE = (
    Field("owner", N_("Give it to"), optional=True),
    Field("due_at", N_("Put it off until"), "instant", optional=True),
)
END = (
    Field("outcome", N_("What came of it"), "choice", choices=OUTCOMES, words="task_ended_"),
    Field(
        "measure",
        N_("What was changed"),
        hint=N_("Of an improvement: it stands beside what customers said before and after."),
        optional=True,
    ),
    Field("remark", N_("What came of it with the customer"), "long", N_("It is kept encrypted."), optional=True),
)


@router.get("/s/{shop}/tasks")
async def tasks(
    viewer: Guarded,
    view: Annotated[str, Query(max_length=20)] = "open",
    after: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """The queue: what is due first first."""
    shown = view if view in VIEWS else "open"
    asked = {"limit": str(ROWS), "state": "ended" if shown == "ended" else "open"}
    asked |= {"owner": viewer.who.name} if shown == "mine" else {}
    asked |= {"overdue": "true"} if shown == "overdue" else {}
    asked |= {"after": after} if after else {}
    (page,) = await viewer.ask(viewer.of_shop("feedback", "/staff-tasks", **asked))
    return viewer.draw("desk/tasks.html", page=page, view=shown, views=VIEWS, after=after, part=part)


@router.get("/s/{shop}/task-form")
async def task_form(
    viewer: Guarded,
    topic: Annotated[str, Query(max_length=40)] = "",
    customer: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """An empty form; with a topic of the key issues one of an improvement."""
    known = {"topic": topic, "kind": "improvement"} if topic in TOPICS else {"customer": customer, "kind": "call"}
    return await empty(viewer, TASK, "/tasks", known)


@router.post("/s/{shop}/tasks")
async def request_task(viewer: Guarded) -> Response:
    """Into the queue, once also where the answer was lost."""
    form = await filled(viewer, TASK, "/tasks")
    if form.wrong:
        return form.refused()
    body = form.body | {"task_id": form.command, "requested_by": viewer.who.name}
    path = f"/tasks/{part(form.command)}"
    thing = f"staff-tasks/{part(form.command)}"
    return await form.send(Command("request_task", thing, "feedback", "POST", "/staff-tasks"), path, json=body)


@router.get("/s/{shop}/tasks/{task}")
async def one_task(viewer: Guarded, task: TaskId) -> Response:
    """The task as it stands; of an improvement what customers said before and after."""
    return await _page(viewer, task)


async def _page(
    viewer: Viewer, task: str, error: str = "", status: int = 200, wrong: dict[str, str] | None = None, failed: str = ""
) -> Response:
    (found,) = await viewer.console.services.ask(viewer.of_shop("feedback", f"/staff-tasks/{part(task)}"))
    if found.state == "unavailable":
        raise NoAnswer(found)
    if not found.ok:
        raise NotHere
    effect: Answer | None = None
    if found.body["topic"]:
        (effect,) = await viewer.ask(viewer.of_shop("feedback", f"/staff-tasks/{part(task)}/effect"))
    customer = found.body["customer"]
    if customer is not None:
        await viewer.open_customer(customer)
    return viewer.draw(
        "desk/task.html",
        status,
        t=found.body,
        here=part(task),
        part=part,
        effect=effect,
        change=CHANGE,
        end=END,
        error=error,
        wrong=wrong or {},
        failed=failed,
        written=await sent(viewer) if failed else {},
        shown=customer is None
        or (viewer.may("show_contact") and await viewer.may_look(f"customers/{part(customer)}/words")),
    )


@router.post("/s/{shop}/tasks/{task}/take")
async def take_task(viewer: Guarded, task: TaskId) -> Response:
    """It is mine from now on; somebody else's change meanwhile is not overwritten."""
    return await _change(viewer, task, {"owner": viewer.who.name}, await sent(viewer), "")


@router.post("/s/{shop}/tasks/{task}/change")
async def change_task(viewer: Guarded, task: TaskId) -> Response:
    """Another owner, another due time, or both."""
    written = await sent(viewer)
    body, wrong = read(CHANGE, written, viewer.zone)
    if not body and not wrong:
        wrong = {"owner": N_("Say to whom, until when, or both.")}
    if wrong:
        return await _page(viewer, task, "", 422, wrong, "change")
    return await _change(viewer, task, body, written, "change")


async def _change(viewer: Viewer, task: str, body: dict[str, Any], written: dict[str, str], failed: str) -> Response:
    async def again(error: str, status: int) -> Response:
        return await _page(viewer, task, error, status, None, failed)

    body = body | {"revision": whole(written.get("revision", "")) or 0}
    path = f"/staff-tasks/{part(task)}"
    command = Command("change_task", path.strip("/"), "feedback", "POST", f"{path}/changes")
    return await order(viewer, written.get("form", "")[:50], command, again, f"/tasks/{part(task)}", json=body)


@router.post("/s/{shop}/tasks/{task}/end")
async def end_task(viewer: Guarded, task: TaskId) -> Response:
    """Its outcome, once."""
    written = await sent(viewer)
    body, wrong = read(END, written, viewer.zone)
    if wrong:
        return await _page(viewer, task, "", 422, wrong, "end")

    async def again(error: str, status: int) -> Response:
        return await _page(viewer, task, error, status, None, "end")

    path = f"/staff-tasks/{part(task)}"
    command = Command("end_task", path.strip("/"), "feedback", "POST", f"{path}/end")
    given = body | {"by": viewer.who.name}
    return await order(viewer, written.get("form", "")[:50], command, again, f"/tasks/{part(task)}", json=given)

"""Staff tasks over HTTP on a real PostgreSQL: one queue, each step once, forgotten with the customer, rebuilt."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

from common.crypto.sealing import is_sealed
from common.events import Event
from common.events.customers import CustomerErased
from common.events.feedback import StaffTaskEvent
from common.events.orders import OrderSpecialRequest
from feedback.jobs.verifying import TASKS
from feedback.verification.expected import expectations

from ..conftest import MARCH, Feedback

SHOP = "/v1/shops/s"
TASKS_PATH = f"{SHOP}/staff-tasks"
DAY = timedelta(days=1)
ROWS = "select customer, task_id, revision, newest, state, owner, due_at, type, at, cast(body as text) from staff_tasks"


async def post(feedback: Feedback, path: str = "", **body: Any) -> tuple[int, Any]:
    answer = await feedback.client.post(f"{TASKS_PATH}{path}", json=body)
    return answer.status_code, answer.json()


async def task(feedback: Feedback, task_id: str, days: float = 1, **fields: Any) -> tuple[int, Any]:
    told = {"task_id": task_id, "kind": "call", "title": "Call", "due_at": (MARCH + days * DAY).isoformat()}
    return await post(feedback, **told | fields)


async def queue(feedback: Feedback, **params: Any) -> list[str]:
    """Over all pages, of two tasks each."""
    found, after = list[str](), ""
    while True:
        page = (await feedback.client.get(TASKS_PATH, params={"limit": 2, "after": after, **params})).json()
        found += [item["task_id"] for item in page["items"]]
        if page["after"] is None:
            return found
        after = page["after"]


async def test_tasks_are_one_queue_with_owner_due_and_outcome_and_are_rebuilt(
    feedback: Feedback, rebuilt: Feedback
) -> None:
    """XCT-003: whatever repeats, each step counts once; the customer's words are sealed, and go with the customer."""
    await feedback.issue_key()
    told = {"customer": "ann", "text": "likes green tea", "owner": "li"}
    assert (await task(feedback, "t1", 3, **told))[0] == 201
    assert (await task(feedback, "t1", 3, **told))[0] == 200
    assert (await task(feedback, "t1", 3, **told | {"text": "other"}))[1]["type"] == "/problems/task_differs"
    assert (await task(feedback, "t1", 3, **told | {"customer": "bob"}))[0] == 409
    assert (await task(feedback, "t2", 2, customer="nobody", text="x"))[1]["type"] == "/problems/unknown_customer"
    await task(feedback, "t2", 2, owner="chen")
    await task(feedback, "t3", 1, kind="event", title="Tea evening")
    assert await queue(feedback) == ["t3", "t2", "t1"]
    assert await queue(feedback, owner="li") == ["t1"]
    assert await queue(feedback, customer="ann") == ["t1"]
    assert await queue(feedback, kind="event") == ["t3"]
    assert (await post(feedback, "/t2/changes", owner="li", revision=1))[0] == 201
    assert (await post(feedback, "/t2/changes", owner="li", revision=1))[0] == 200
    assert (await post(feedback, "/t2/changes", owner="wu", revision=1))[1]["type"] == "/problems/task_changed"
    feedback.clock.set(MARCH + 1.5 * DAY)
    assert await queue(feedback, overdue=True) == ["t3"]
    at_once = await asyncio.gather(
        *(post(feedback, "/t1/end", outcome="done", by="li", remark=f"glad {n % 2}") for n in range(6))
    )
    assert sorted(status for status, _ in at_once) == [200, 200, 201, 409, 409, 409]
    assert await queue(feedback) == ["t3", "t2"]
    assert await queue(feedback, state="ended") == ["t1"]
    one = (await feedback.client.get(f"{TASKS_PATH}/t1")).json()
    assert (one["text"], one["outcome"], one["revision"], one["overdue"]) == ("likes green tea", "done", 2, False)
    events = [event for event in await feedback.announced() if isinstance(event.data, StaffTaskEvent)]
    assert all(is_sealed(e.data.text) for e in events if e.data.text is not None)
    await rebuilt.handle(*random.Random(4).sample(events, len(events)), *events)
    assert sorted(await rebuilt.rows(ROWS)) == sorted(await feedback.rows(ROWS))
    said = {e.name: e.digest for event in events for e in expectations(event.as_dict())}
    async with feedback.database.transaction() as tx:
        rows = await tx.fetch(f"select {TASKS.columns} from staff_tasks t")
    assert dict(kept for row in rows for kept in TASKS.says(row)) == said, "as `verify` compares them"
    assert len(said) == 5
    erased: Event[Any] = Event("x1", "/shops/s/orders-ingest", "s", "ann", MARCH, CustomerErased())
    assert (await task(feedback, "t8", customer="ann", text="to be called"))[0] == 201
    await feedback.handle(erased, erased)
    ended = (await feedback.client.get(f"{TASKS_PATH}/t8")).json()
    assert (ended["outcome"], ended["ended_by"], ended["revision"]) == ("not_needed", "feedback", 2)
    assert await feedback.rows("select 1 from staff_tasks where body::text like '%enc:%'") == []
    assert (await task(feedback, "t9", customer="ann"))[1]["type"] == "/problems/customer_erased"
    assert (await feedback.client.get(f"{TASKS_PATH}/t1")).json()["text"] is None


async def test_an_issue_has_an_owner_a_due_time_and_satisfaction_before_and_after(feedback: Feedback) -> None:
    """FBK-020, FBK-021: the texts of the topic before it was requested, and after it was done."""
    await feedback.issue_key()
    for n, (days, text) in enumerate([(-3, "包装太差"), (-2, "质量太差"), (2, "包装很好"), (3, "质量很好")]):
        feedback.clock.set(MARCH + max(days, 0) * DAY)
        at = (MARCH + days * DAY).isoformat()
        body = {"review_id": f"r{n}", "customer": "ann", "text": text, "stars": 3, "at": at}
        assert (await feedback.client.post(f"{SHOP}/reviews", json=body)).status_code == 202
    while (await feedback.client.post("/ops/sweep")).json()["done"]:
        pass
    feedback.clock.set(MARCH)
    told: dict[str, Any] = {"kind": "improvement", "topic": "packaging", "owner": "warehouse", "title": "Dented boxes"}
    assert (await task(feedback, "i1", **told))[0] == 201
    feedback.clock.set(MARCH + DAY)
    effect = (await feedback.client.get(f"{TASKS_PATH}/i1/effect")).json()
    assert (effect["before"]["disliked_per_mille"], effect["after"]) == (500, None)
    status, done = await post(feedback, "/i1/end", outcome="done", by="wu", measure="thicker boxes")
    assert (status, done["measure"]) == (201, "thicker boxes")
    feedback.clock.set(MARCH + 9 * DAY)
    effect = (await feedback.client.get(f"{TASKS_PATH}/i1/effect", params={"days": 5})).json()
    assert [effect[when]["disliked_per_mille"] for when in ("before", "after")] == [500, 0]
    assert [effect[when]["of_topic"] for when in ("before", "after")] == [1, 1]


async def test_what_cannot_be_a_task_is_refused_and_nothing_is_kept(feedback: Feedback) -> None:
    bad: list[dict[str, Any]] = [
        {"text": "of nobody"},
        {"kind": "improvement", "owner": "x"},
        {"kind": "improvement", "topic": "weather", "owner": "x"},
        {"kind": "dance"},
        {"title": ""},
        {"due_at": "tomorrow"},
        {"owner": ""},
        {"more": 1},
    ]
    for fields in bad:
        status, problem = await task(feedback, "t1", **fields)
        assert status == 422, (fields, problem)
    assert (await post(feedback, "/t1/end", outcome="done", by="li"))[1]["type"] == "/problems/unknown_task"
    await task(feedback, "t1")
    assert (await post(feedback, "/t1/end", outcome="done", by="li", remark="of nobody"))[0] == 422
    assert (await post(feedback, "/t1/changes", revision=1))[0] == 422
    assert (await feedback.client.get(f"{TASKS_PATH}/t1/effect")).json()["type"] == "/problems/no_improvement"
    for after in ("x", "2025-03-01T00:00:00 t1", "0001-01-01T00:00:00+14:00 t1", "9999-12-31T23:59:59-14:00 t1"):
        assert (await feedback.client.get(TASKS_PATH, params={"after": after})).status_code == 422, after
    assert await feedback.rows("select count(*) from staff_tasks") == [(1,)]


async def test_what_is_asked_for_with_an_order_is_a_task_until_it_is_done(feedback: Feedback) -> None:
    """XCT-003, ORD-011: once, and not of old ones."""
    await feedback.issue_key()
    async with feedback.database.transaction() as tx:
        [key] = (await feedback.keys.keys_for(tx, [("s", "ann")])).values()

    def asked(request_id: str, state: str = "open", days: float = 0) -> Event[Any]:
        told = {"order_id": "o1", "request_id": request_id, "state": state, "text": "a card for Grandma"}
        data = OrderSpecialRequest.model_validate(told)
        at = MARCH + timedelta(days=days)
        made: Event[Any] = Event(f"{request_id}-{state}", "/shops/s/shop", "s", "ann", at, data)
        return feedback.keys.seal_event(made, key)

    await feedback.handle(asked("r1"), asked("r1"), asked("old", days=-30), asked("gone", "done"))
    [task] = (await feedback.client.get(TASKS_PATH)).json()["items"]
    assert (task["text"], task["order_id"], task["requested_by"]) == ("a card for Grandma", "o1", "orders-ingest")
    await feedback.handle(asked("r1", "done"), asked("r1", "done"))
    assert (await feedback.client.get(TASKS_PATH)).json()["items"] == []
    [ended] = (await feedback.client.get(TASKS_PATH, params={"state": "ended"})).json()["items"]
    assert (ended["outcome"], ended["ended_by"], ended["revision"]) == ("done", "orders-ingest", 2)

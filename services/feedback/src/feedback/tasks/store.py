"""Staff tasks, a row a revision; `newest` marks how each stands. A task of no customer has an empty one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import Row

from common.crypto.sealing import map_personal
from common.events import CustomerKey, Event
from common.events.feedback import StaffTaskEvent
from common.storage.columns import Columns
from common.storage.database import Transaction

_CUSTOMERS = Columns("w", shop="text", customer="text")
State = Literal["open", "ended"]


class Place(NamedTuple):
    """Where a task stands in the queue."""

    due_at: datetime
    task_id: str


async def save(tx: Transaction, event: Event[StaffTaskEvent]) -> None:
    """Keep a revision; the task's name is held, or its partition read in order. Idempotent, in any order."""
    data, customer = event.data, event.subject or ""
    added = await tx.execute(
        """
        insert into staff_tasks (shop, customer, task_id, revision, newest, state, kind, owner, due_at, type, at, body)
        values (:shop, :customer, :task_id, :revision, not exists (
                    select from staff_tasks n
                    where n.shop = :shop and n.customer = :customer and n.task_id = :task_id and n.revision > :revision
                ), :state, :kind, :owner, :due_at, :type, :at, cast(:body as jsonb))
        on conflict do nothing
        """,
        shop=event.shop,
        customer=customer,
        task_id=data.task_id,
        revision=data.revision,
        state=data.state,
        kind=data.kind,
        owner=data.owner,
        due_at=data.due_at,
        type=event.type,
        at=event.time,
        body=data.as_json(),
    )
    if added and data.revision > 1:
        await tx.execute(
            """
            update staff_tasks set newest = false
            where shop = :shop and customer = :customer and task_id = :task_id and revision < :revision and newest
            """,
            shop=event.shop,
            customer=customer,
            task_id=data.task_id,
            revision=data.revision,
        )


async def get_task(tx: Transaction, shop: str, task_id: str) -> tuple[str | None, StaffTaskEvent] | None:
    """The customer and the task as it stands, texts encrypted; None where there is none."""
    row = await tx.fetch_one(
        """
        select customer, cast(body as text) as body from staff_tasks
        where shop = :shop and task_id = :task_id and newest
        """,
        shop=shop,
        task_id=task_id,
    )
    return None if row is None else (row.customer or None, StaffTaskEvent.model_validate_json(row.body))


async def get_first(tx: Transaction, shop: str, customer: str | None, task_id: str) -> StaffTaskEvent | None:
    """The task as it was requested."""
    row = await tx.fetch_one(
        """
        select cast(body as text) as body from staff_tasks
        where shop = :shop and customer = :customer and task_id = :task_id and revision = 1
        """,
        shop=shop,
        customer=customer or "",
        task_id=task_id,
    )
    return None if row is None else StaffTaskEvent.model_validate_json(row.body)


async def list_queue(
    tx: Transaction,
    shop: str,
    state: State,
    after: Place | None,
    limit: int,
    *,
    owner: str | None,
    kind: str | None,
    people: Sequence[str] | None,
    due_before: datetime | None,
) -> Sequence[Row[Any]]:
    """Tasks as they stand, what is due first first; of one owner, kind or person if asked."""
    return await tx.fetch(
        """
        select customer, due_at, task_id, cast(body as text) as body from staff_tasks
        where shop = :shop and state = :state and newest
          and (cast(:after_due as timestamptz) is null or (due_at, task_id) > (:after_due, :after_id))
          and (cast(:owner as text) is null or owner = :owner) and (cast(:kind as text) is null or kind = :kind)
          and (cast(:people as text[]) is null or customer = any(:people))
          and (cast(:due_before as timestamptz) is null or due_at < :due_before)
        order by due_at, task_id limit :limit
        """,
        shop=shop,
        state=state,
        after_due=after.due_at if after else None,
        after_id=after.task_id if after else None,
        owner=owner,
        kind=kind,
        people=None if people is None else list(people),
        due_before=due_before,
        limit=limit,
    )


async def erase(tx: Transaction, customers: Iterable[CustomerKey]) -> None:
    """Forget what was told of erased customers in their tasks (SEC-006)."""
    rows = await tx.fetch(
        f"""
        select t.shop, t.customer, t.task_id, t.revision, cast(t.body as text) as body
        from {_CUSTOMERS} join staff_tasks t on t.shop = w.shop and t.customer = w.customer
        """,
        **_CUSTOMERS.of(customers),
    )
    for row in rows:
        bare: StaffTaskEvent = map_personal(StaffTaskEvent.model_validate_json(row.body), lambda _text, _path: None)
        await tx.execute(
            """
            update staff_tasks set body = cast(:body as jsonb)
            where shop = :shop and customer = :customer and task_id = :task_id and revision = :revision
            """,
            shop=row.shop,
            customer=row.customer,
            task_id=row.task_id,
            revision=row.revision,
            body=bare.as_json(),
        )

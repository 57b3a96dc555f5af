"""Staff tasks by revision, and their queue. A task of no customer has an empty one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import Row

from common.events import CustomerKey
from common.events.feedback import StaffTaskEvent
from common.storage.columns import Columns
from common.storage.database import Transaction
from feedback.revisions.table import RevisionTable, Standing

TASKS = RevisionTable("staff_tasks", StaffTaskEvent, "task_id", ("state", "kind", "owner", "due_at"))
State = Literal["open", "ended"]
_CUSTOMERS = Columns("w", shop="text", customer="text")


class Place(NamedTuple):
    """Where a task stands in the queue."""

    due_at: datetime
    task_id: str


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


async def list_open_of(tx: Transaction, customers: Iterable[CustomerKey]) -> list[tuple[str, Standing[StaffTaskEvent]]]:
    """Open tasks of these customers, with their shops, by id."""
    # By primary key.
    rows = await tx.fetch(
        f"""
        select t.shop, t.customer, cast(t.body as text) as body
        from {_CUSTOMERS} join staff_tasks t on t.shop = w.shop and t.customer = w.customer
        where t.newest and t.state = 'open' order by t.shop, t.customer, t.task_id
        """,
        **_CUSTOMERS.of(customers),
    )
    return [(row.shop, Standing(row.customer, StaffTaskEvent.model_validate_json(row.body))) for row in rows]

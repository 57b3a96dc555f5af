"""Staff tasks as people order them: requested, changed, ended; each once, announced whole (XCT-003)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from common.crypto.keys import KeyRing, get_keys
from common.events import CustomerKey, Event
from common.events.feedback import StaffTaskEvent
from common.events.messages import TaskWanted
from common.storage.database import Transaction
from feedback.commands.revisions import Steps
from feedback.commands.sealing import assert_not_erased
from feedback.tasks.rules import Ending, NewTask, TaskChanged, TaskDiffers, UnknownTask, changed, ended, requested
from feedback.tasks.store import TASKS, list_open_of

Told = tuple[str | None, StaffTaskEvent, bool]
"""The customer, None: the shop's own; the task as it stands, readable; whether this is new."""
STEPS = Steps(TASKS, "staff task", "task")


async def request_task(tx: Transaction, keys: KeyRing, shop: str, customer: str | None, new: NewTask) -> Told:
    """Request a task; idempotent by its id. Raises TaskDiffers, TaskUnfit, UnknownCustomer and CustomerErased."""
    found = await STEPS.hold(tx, shop, new.task_id)
    if found is not None:
        if found.customer != customer or not await STEPS.begun_as(tx, keys, shop, customer, new.task_id, new):
            raise TaskDiffers(new.task_id)
        return customer, await STEPS.readable(tx, keys, shop, customer, found.data), False
    made = requested(new, customer, tx.clock.now())
    if customer is not None:
        await tx.lock_customers([(shop, customer)])
        await assert_not_erased(tx, keys, (shop, customer))
    await STEPS.announce(tx, keys, shop, customer, made)
    return customer, made, True


async def take_wanted(tx: Transaction, event: Event[TaskWanted]) -> bool:
    """Put what a flow wants of people into the queue; False where it is there, or the customer was erased.

    The fact bears the wish's own time, so that reading it again makes the same.
    """
    d, customer = event.data, event.subject
    if customer is None or await STEPS.hold(tx, event.shop, d.task_id) is not None:
        return False
    key = (await get_keys(tx, [event.customer])).get(event.customer)
    if key is not None and key.erased_at is not None:
        return False
    new = NewTask(d.task_id, d.kind, d.title, d.due_at, order_id=d.order_id, requested_by=d.requested_by, owner=d.owner)
    await STEPS.keep(tx, STEPS.fact_of(event.shop, customer, requested(new, customer, event.time), event.time))
    return True


async def change_task(
    tx: Transaction, keys: KeyRing, shop: str, task_id: str, owner: str | None, due_at: datetime | None, expects: int
) -> Told:
    """Give a task to somebody else, or put it off. `expects`: the revision that the caller has read.

    Raises UnknownTask, TaskChanged, TaskEnded.
    """
    customer, stands = await _locked(tx, keys, shop, task_id)
    made = changed(stands, owner, due_at)
    if made is None:
        return customer, stands, False
    if stands.revision != expects:
        raise TaskChanged(stands.revision)
    await STEPS.announce(tx, keys, shop, customer, made)
    return customer, made, True


async def end_task(tx: Transaction, keys: KeyRing, shop: str, task_id: str, how: Ending) -> Told:
    """A task is over. Raises UnknownTask, TaskEnded, TaskUnfit; CustomerErased where a remark is given."""
    customer, stands = await _locked(tx, keys, shop, task_id)
    made = ended(stands, how, customer, tx.clock.now())
    if made is None:
        return customer, stands, False
    await STEPS.announce(tx, keys, shop, customer, made)
    return customer, made, True


async def end_tasks_of(tx: Transaction, customers: Iterable[CustomerKey]) -> None:
    """End the open tasks of erased customers, who are locked and whose words are gone; a rebuild reads these ends."""
    if tx.rebuilding:
        return
    for shop, standing in await list_open_of(tx, customers):
        how = Ending("not_needed", "feedback", measure="the customer was erased")
        made = ended(standing.data, how, standing.customer, tx.clock.now())
        if made is not None:
            await STEPS.keep(tx, STEPS.fact_of(shop, standing.customer, made, tx.clock.now()))


async def _locked(tx: Transaction, keys: KeyRing, shop: str, task_id: str) -> tuple[str | None, StaffTaskEvent]:
    found = await STEPS.hold(tx, shop, task_id)
    if found is None:
        raise UnknownTask(task_id)
    customer, stored = found
    if customer is not None:
        await tx.lock_customers([(shop, customer)])
    return customer, await STEPS.readable(tx, keys, shop, customer, stored)

"""Staff tasks as people order them: requested, changed, ended; each once, announced whole (XCT-003)."""

from __future__ import annotations

from datetime import datetime

from common.crypto.keys import KeyRing, get_keys
from common.events import Event, fact_id
from common.events.feedback import StaffTaskEvent
from common.events.messages import TaskWanted
from common.storage.database import Transaction
from feedback.commands.names import hold_name
from feedback.commands.sealing import assert_not_erased, is_erased, opened, sealed
from feedback.tasks import store
from feedback.tasks.rules import Ending, NewTask, TaskChanged, TaskDiffers, UnknownTask, changed, ended, requested

Told = tuple[str | None, StaffTaskEvent, bool]
"""The customer, None: the shop's own; the task as it stands, readable; whether this is new."""


async def request_task(tx: Transaction, keys: KeyRing, shop: str, customer: str | None, new: NewTask) -> Told:
    """Request a task; idempotent by its id. Raises TaskDiffers, TaskUnfit, UnknownCustomer and CustomerErased."""
    await _hold(tx, shop, new.task_id)
    found = await store.get_task(tx, shop, new.task_id)
    if found is not None:
        owner, stands = found
        first = await store.get_first(tx, shop, owner, new.task_id)
        if owner != customer or first is None or not await _same(tx, keys, shop, customer, first, new):
            raise TaskDiffers(new.task_id)
        return customer, await readable(tx, keys, shop, customer, stands), False
    made = requested(new, customer, tx.clock.now())
    if customer is not None:
        await tx.lock_customers([(shop, customer)])
        await assert_not_erased(tx, keys, (shop, customer))
    await _announce(tx, keys, shop, customer, made)
    return customer, made, True


async def take_wanted(tx: Transaction, event: Event[TaskWanted]) -> bool:
    """Put what a flow wants of people into the queue; False where it is there, or the customer was erased.

    The fact bears the wish's own time, so that reading it again makes the same.
    """
    d, customer = event.data, event.subject
    await _hold(tx, event.shop, d.task_id)
    if customer is None or await store.get_task(tx, event.shop, d.task_id) is not None:
        return False
    key = (await get_keys(tx, [event.customer])).get(event.customer)
    if key is not None and key.erased_at is not None:
        return False
    new = NewTask(d.task_id, d.kind, d.title, d.due_at, order_id=d.order_id, requested_by=d.requested_by, owner=d.owner)
    fact = _fact(event.shop, customer, requested(new, customer, event.time), event.time)
    await store.save(tx, fact)
    await tx.announce([fact])
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
    await _announce(tx, keys, shop, customer, made)
    return customer, made, True


async def end_task(tx: Transaction, keys: KeyRing, shop: str, task_id: str, how: Ending) -> Told:
    """A task is over. Raises UnknownTask, TaskEnded, TaskUnfit; CustomerErased where a remark is given."""
    customer, stands = await _locked(tx, keys, shop, task_id)
    made = ended(stands, how, customer, tx.clock.now())
    if made is None:
        return customer, stands, False
    await _announce(tx, keys, shop, customer, made)
    return customer, made, True


async def readable(
    tx: Transaction, keys: KeyRing, shop: str, customer: str | None, stored: StaffTaskEvent
) -> StaffTaskEvent:
    """A task as it is stored, with readable texts; without them for an erased customer."""
    if customer is None:
        return stored
    told = Event(stored.task_id, f"/shops/{shop}/feedback", shop, customer, stored.requested_at, stored)
    return (await opened(tx, keys, told)).data


async def _locked(tx: Transaction, keys: KeyRing, shop: str, task_id: str) -> tuple[str | None, StaffTaskEvent]:
    await _hold(tx, shop, task_id)
    found = await store.get_task(tx, shop, task_id)
    if found is None:
        raise UnknownTask(task_id)
    customer, stored = found
    if customer is not None:
        await tx.lock_customers([(shop, customer)])
    return customer, await readable(tx, keys, shop, customer, stored)


async def _same(
    tx: Transaction, keys: KeyRing, shop: str, customer: str | None, first: StaffTaskEvent, new: NewTask
) -> bool:
    """Whether what is told is what was told; of an erased customer the text is gone and not compared."""
    known = await readable(tx, keys, shop, customer, first)
    if customer is not None and await is_erased(tx, keys, (shop, customer)):
        known = known.having(text=new.text)
    return new.says_the_same(known)


async def _hold(tx: Transaction, shop: str, task_id: str) -> None:
    await hold_name(tx, shop, "staff task", task_id)


async def _announce(tx: Transaction, keys: KeyRing, shop: str, customer: str | None, task: StaffTaskEvent) -> None:
    event = _fact(shop, customer, task, tx.clock.now())
    if customer is not None:
        personal = task.text is not None or task.remark is not None
        event = await sealed(tx, keys, event, personal=personal)
    await store.save(tx, event)
    await tx.announce([event])


def _fact(shop: str, customer: str | None, task: StaffTaskEvent, at: datetime) -> Event[StaffTaskEvent]:
    return Event(
        id=fact_id(f"task/{task.task_id}/{task.revision}", task.TYPE, shop, customer or "", 0),
        source=f"/shops/{shop}/feedback",
        shop=shop,
        subject=customer,
        time=at,
        data=task,
        partitionkey="" if customer is not None else f"task-{task.task_id}",
    )

"""Call tasks: taken by a person, and told of."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from common.crypto.keys import KeyRing
from common.crypto.sealing import seal
from common.events import CustomerKey, Event, fact_id
from common.events.messages import ContactCalled, ContactOptedOut
from common.refusals import Conflict, NotFound
from common.storage.database import Database, Transaction
from messaging.calls import store
from messaging.calls.rules import Call, Outcome, tried_again_at
from messaging.commands.consent import opt_out
from messaging.contacts.store import get_address
from messaging.contacts.store_bounces import mark_bounced
from messaging.decisions.facts import source_of
from messaging.metrics import CALLS

CLAIMED_FOR = timedelta(minutes=30)
VIA = "call"


class UnknownTask(NotFound):
    """There is no such call task."""

    def __init__(self) -> None:
        super().__init__("unknown_task", "There is no such call task: GET …/call-tasks lists those that are due.")


class TaskTaken(Conflict):
    """Somebody else has it."""

    def __init__(self, by: str, until: datetime) -> None:
        super().__init__("task_taken", f"{by} has this task until {until:%H:%M} UTC: take another one.", taken_by=by)


class TaskDone(Conflict):
    """Its last outcome was told."""

    def __init__(self) -> None:
        super().__init__("task_done", "This task is done: what was said about it stands in its calls.")


async def claim_task(tx: Transaction, shop: str, message_id: str, by: str) -> datetime:
    """Take the task for half an hour; returns until when. Raises UnknownTask, TaskDone, TaskTaken."""
    task = await store.get_task(tx, shop, message_id)
    if task is None:
        raise UnknownTask
    key = shop, task.customer
    await tx.lock_customers([key])
    task = await store.get_task(tx, shop, message_id)
    if task is None or (task.attempts and task.again_at is None):
        raise TaskDone
    now = tx.clock.now()
    until = now + CLAIMED_FOR
    if not await store.claim(tx, key, message_id, by, now, until):
        raise TaskTaken(task.taken_by, task.taken_until)
    return until


async def tell_outcome(
    database: Database,
    keys: KeyRing,
    shop: str,
    message_id: str,
    outcome: Outcome,
    by: str,
    note: str | None,
    wished: datetime | None,
) -> Call:
    """Keep what came of the call and announce it. `refused` opts out of calls, effective when answered; the address of
    a `wrong_number` is called no more. Raises UnknownTask, TaskDone, TaskTaken."""
    key, call = await database.run(
        partial(_tell, keys=keys, shop=shop, message_id=message_id, outcome=outcome, by=by, note=note, wished=wished)
    )
    CALLS.labels(outcome).inc()
    if outcome == "refused":
        await opt_out(database, key, ContactOptedOut(channel="phone", via=VIA))
    return call


async def _tell(
    tx: Transaction,
    *,
    keys: KeyRing,
    shop: str,
    message_id: str,
    outcome: Outcome,
    by: str,
    note: str | None,
    wished: datetime | None,
) -> tuple[CustomerKey, Call]:
    """Lock, save, announce."""
    found = await store.get_task(tx, shop, message_id)
    if found is None:
        raise UnknownTask
    key = shop, found.customer
    await tx.lock_customers([key])
    task = await store.get_task(tx, shop, message_id)
    assert task is not None  # what was handed over stays so
    now = tx.clock.now()
    if task.attempts and task.again_at is None:
        raise TaskDone
    if task.taken_until is not None and task.taken_until > now and task.taken_by != by:
        raise TaskTaken(task.taken_by, task.taken_until)
    own = (await keys.keys_for(tx, [key])).get(key)
    sealed = seal(note, own.key, own.key_id, *key, "note") if note and own is not None else None
    number = task.attempts + 1
    again_at = tried_again_at(outcome, number, now, wished, task.handed_at)
    call = Call(number, now, outcome, by, sealed, again_at)
    await store.save_calls(tx, [(key, message_id, call)])
    address = await get_address(tx, key, "phone") if outcome == "wrong_number" else None
    if address is not None:
        await mark_bounced(tx, [((shop, address), now)])
    data = ContactCalled(
        message_id=message_id,
        number=number,
        outcome=outcome,
        by=by,
        note=sealed,
        again_at=again_at,
        bounced=address.hex() if address is not None else None,
    )
    event_id = fact_id(f"{message_id}/call/{number}", data.TYPE, *key, 0)
    await tx.announce([Event(event_id, source_of(shop), shop, key[1], now, data)])
    return key, call

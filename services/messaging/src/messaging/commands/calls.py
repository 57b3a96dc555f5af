"""Call tasks: taken by a person, and told of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Row

from common.crypto.keys import DataKey, KeyRing
from common.crypto.sealing import SealBroken, open_sealed, seal
from common.events import CustomerKey, Event, fact_id
from common.events.messages import ContactCalled, ContactOptedOut
from common.refusals import Conflict, NotFound
from common.storage.database import Database, Transaction
from common.values.people import is_named_alike
from messaging.calls import store
from messaging.calls.rules import Call, Outcome, is_told_again, number_called, tried_again_at
from messaging.commands.consent import change_permission, wait_until_left
from messaging.commands.recalling import bounce
from messaging.decisions.facts import source_of
from messaging.decisions.rules import may_still_leave
from messaging.known import add_offers, get_known, get_reachable
from messaging.metrics import CALLS
from messaging.policy.store import get_policies

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


class NotTheNextAttempt(Conflict):
    """Another outcome of that attempt was told, or an earlier one is missing."""

    def __init__(self, number: int) -> None:
        super().__init__(
            "not_the_next_attempt",
            f"The next attempt at this task has the number {number}: look at its calls, and tell of that one.",
            number=number,
        )


class NotToBeCalled(Conflict):
    """What was so when it was put on the list is not so any more."""

    def __init__(self, reason: str) -> None:
        super().__init__("not_to_be_called", f"Do not call for this: {reason}. It is off the list.", reason=reason)


async def why_not(tx: Transaction, shop: str, tasks: Mapping[str, str]) -> dict[str, str]:
    """Of tasks, message id to customer, those for which nobody is to call any more, with the reason: opted out since,
    not so any more, the coupon over. Asked whenever a task is shown: an opt-out holds at once (MSG-009)."""
    candidates = await store.get_candidates(tx, shop, sorted(set(tasks.values())), sorted(tasks))
    if not candidates:
        return {}
    now = tx.clock.now()
    orders = [str(c.details["order_id"]) for c in candidates if "order_id" in c.details]
    known = await get_known(tx, sorted({c.key for c in candidates}), orders)
    await add_offers(tx, known, [c.claim for c in candidates], now)
    policy = (await get_policies(tx, [shop]))[shop].policy
    found: dict[str, str] = {}
    for c in candidates:
        # How long a task is worth a call is for people to say: staleness was asked when it was put on the list.
        reason = may_still_leave(c.purpose, "phone", now, c.claim, known[c.key], policy, now, replay=False)
        if reason is not None:
            found[c.message_id] = reason
    return found


async def claim_task(tx: Transaction, shop: str, message_id: str, by: str) -> datetime:
    """Take the task for half an hour; returns until when. Raises UnknownTask, TaskDone, TaskTaken,
    NotToBeCalled."""
    task = await store.get_task(tx, shop, message_id)
    if task is None:
        raise UnknownTask
    key = shop, task.customer
    await tx.lock_customers([key])
    task = await store.get_task(tx, shop, message_id)
    if task is None or (task.attempts and task.again_at is None):
        raise TaskDone
    reason = (await why_not(tx, shop, {message_id: task.customer})).get(message_id)
    if reason is not None:
        raise NotToBeCalled(reason)
    now = tx.clock.now()
    until = now + CLAIMED_FOR
    shown = (await get_reachable(tx, [key]))[key].hashes.get("phone")
    _check_free(task, by, now)
    await store.claim(tx, key, message_id, by, until, shown)
    return until


def _check_free(task: Row[Any], by: str, now: datetime) -> None:
    """Of a task whose customer is locked. Two people who share a key that vouches for nobody are two. Raises
    TaskTaken."""
    if task.taken_until is not None and task.taken_until > now and not is_named_alike(task.taken_by, by):
        raise TaskTaken(task.taken_by, task.taken_until)


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody says came of a call. `number`: of the attempt, where they say it; `wished`: when to call again."""

    outcome: Outcome
    by: str
    note: str | None = None
    wished: datetime | None = None
    number: int | None = None


async def tell_outcome(database: Database, keys: KeyRing, shop: str, message_id: str, told: Told) -> Call:
    """Keep what came of the call and announce it; told again it is the same call. `refused` opts out of calls,
    effective when answered; the number that was wrong is called no more. Raises UnknownTask, TaskDone, TaskTaken,
    NotTheNextAttempt."""
    key, call, new = await database.run(partial(tell, keys=keys, shop=shop, message_id=message_id, told=told))
    if new:
        CALLS.labels(told.outcome).inc()
    if told.outcome == "refused":
        await wait_until_left(database, key, "phone")
    return call


async def tell(
    tx: Transaction, *, keys: KeyRing, shop: str, message_id: str, told: Told
) -> tuple[CustomerKey, Call, bool]:
    """Lock, save, announce; with a refusal its opt-out, both or neither. (Customer, the call, whether it is new.)"""
    task = await store.get_task(tx, shop, message_id)
    if task is None:
        raise UnknownTask
    key = shop, task.customer
    own = (await keys.keys_for(tx, [key])).get(key)
    known = await _told_before(tx, key, task, told, own)
    if known is not None:
        return key, known, False
    if told.outcome == "refused":
        # First, since it locks all who are concerned in one order; what is raised below takes it back.
        await change_permission(tx, key, ContactOptedOut(channel="phone", via=VIA))
    await tx.lock_customers([key])
    task = await store.get_task(tx, shop, message_id)
    assert task is not None  # what was handed over stays so
    known = await _told_before(tx, key, task, told, own)
    if known is not None:
        return key, known, False
    now = tx.clock.now()
    if told.number not in (None, task.attempts + 1):
        raise NotTheNextAttempt(task.attempts + 1)
    if task.attempts and task.again_at is None:
        raise TaskDone
    _check_free(task, told.by, now)
    return key, await _save(tx, key, task, told, own, now), True


async def _told_before(
    tx: Transaction, key: CustomerKey, task: Row[Any], told: Told, own: DataKey | None
) -> Call | None:
    """The call that this outcome was told of before, whose answer was lost; attempts never change."""
    calls = await store.list_calls(tx, key, task.message_id) if task.attempts else []
    if told.number is not None:
        calls = [c for c in calls if c.number == told.number]
    if not calls or not is_told_again(
        calls[-1], told.outcome, told.by, tx.clock.now(), told.wished, task.handed_at, numbered=told.number is not None
    ):
        return None
    return calls[-1] if _note(calls[-1], key, own) == (told.note or None if own is not None else None) else None


def _note(call: Call, key: CustomerKey, own: DataKey | None) -> str | None:
    if call.note is None or own is None:
        return None
    try:
        return open_sealed(call.note, own.key, *key, "note")
    except SealBroken:
        return None


async def _save(
    tx: Transaction, key: CustomerKey, task: Row[Any], told: Told, own: DataKey | None, now: datetime
) -> Call:
    shop, outcome = key[0], told.outcome
    sealed = seal(told.note, own.key, own.key_id, *key, "note") if told.note and own is not None else None
    number = task.attempts + 1
    again_at = tried_again_at(outcome, number, now, told.wished, task.handed_at)
    call = Call(number, now, outcome, told.by, sealed, again_at)
    await store.save_calls(tx, [(key, task.message_id, call)])
    address = None
    if outcome == "wrong_number":
        now_has = (await get_reachable(tx, [key]))[key].hashes.get("phone")
        address = number_called(told.by, task.taken_by, task.shown, task.handed_to, now_has)
    if address is not None:
        await bounce(tx, [((shop, address), now)])
    data = ContactCalled(
        message_id=task.message_id,
        number=number,
        outcome=outcome,
        by=told.by,
        note=sealed,
        again_at=again_at,
        bounced=address.hex() if address is not None else None,
    )
    event_id = fact_id(f"{task.message_id}/call/{number}", data.TYPE, *key, 0)
    await tx.announce([Event(event_id, source_of(shop), shop, key[1], now, data)])
    return call

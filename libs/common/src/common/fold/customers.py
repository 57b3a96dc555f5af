"""Folds customers in the database: a batch's inputs, what fell due, a command, or everything anew.

An input that comes in order continues from the stored state; a late one folds the customer again, from all inputs, and
yields the difference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from common.bus.inbox import SameIdOtherBody, claim
from common.events import CustomerKey, Event
from common.fold.folding import Folding, S, Step, Turns, add_step, cause_of
from common.fold.store_customers import lock_due_customers
from common.fold.store_history import move_inputs
from common.fold.store_long import postpone, want_fold
from common.fold.working import (
    Folded,
    Pasts,
    Working,
    do_dues,
    fold_from_start,
    is_long,
    load,
    load_ahead,
    make_ready,
    record,
    store_folded,
)
from common.people.store import lock_survivors
from common.storage.customer_rows import CustomerRow
from common.storage.database import Transaction
from common.work.set_aside import Task


async def fold_events(tx: Transaction, folding: Folding[S], events: Sequence[Event[Any]]) -> Folded[S]:
    """Fold a batch's events customer by customer, each in the order of its inputs, and store the states.

    The events are claimed, so that they stand in the histories; the customers are locked here if the consumer has not.
    All that is late for a customer is folded in at once, and makes one correction; what is in order follows, each input
    with effects of its own. So corrections may be cut differently where the log is cut differently; states, and what
    the corrections come to, never are.
    """
    batch: dict[CustomerKey, list[Event[Any]]] = {}
    for event in await _for_survivors(tx, events):
        batch.setdefault(event.customer, []).append(event)
    folded: Folded[S] = Folded(tx.service)
    working = {
        key: Working(tx.locked[key], load(folding, tx.locked[key]), sorted(mine, key=lambda e: e.order_key))
        for key, mine in batch.items()
    }
    await load_ahead(tx, folding, [(work, event) for work in working.values() for event in work.fresh])
    lates = {key: [event for event in work.fresh if _is_late(work.row, event)] for key, work in working.items()}
    for key, late in lates.items():
        working[key].folded = len(late)
    past = Pasts(tx, folding, (work for key, work in working.items() if lates[key] and not is_long(work.row)))
    turns, now = Turns(), tx.clock.now()
    for key, work in working.items():
        row, steps, late = work.row, list[Step](), lates[key]
        if late and is_long(row):
            await postpone(tx, row.key, late)
            row.last = max(row.last or late[-1].order_key, late[-1].order_key)
        elif late:
            steps.append(await _fold_late(tx, folding, work, late, past))
            folded.events.extend(late)
        for event in work.fresh[len(late) :]:
            async for step in do_dues(tx, folding, work, event.time):
                add_step(steps, step)
            ready = await make_ready(tx, folding, work, event)
            row.last = event.order_key
            work.folded += 1
            if not ready:
                await postpone(tx, row.key, [event])
                continue
            work.asked = None
            add_step(steps, Step(row.key, cause_of(event), False, event.time, folding.apply(work.state, event), event))
            row.inputs += 1
            folded.events.append(event)
            await turns.take()
        folding.pass_over(steps, now)
        record(folded, row, steps)
    await store_folded(tx, folding, folded, working)
    return folded


async def _for_survivors(tx: Transaction, events: Sequence[Event[Any]]) -> list[Event[Any]]:
    """The customers' events, those of absorbed ones as their survivors'; all of them are locked."""
    mine = [event for event in events if event.subject is not None]
    survivors = await lock_survivors(tx, {event.customer for event in mine})
    found, moved = list[Event[Any]](), list[tuple[Event[Any], CustomerKey]]()
    for event in mine:
        survivor = survivors[event.customer]
        if survivor == event.customer:
            found.append(event)
        else:
            moved.append((event, survivor))
            found.append(replace(event, subject=survivor[1]))
    await move_inputs(tx, moved)
    return found


def _is_late(row: CustomerRow, event: Event[Any]) -> bool:
    """Whether the stored state knows of something that comes after this input."""
    return (row.last is not None and event.order_key < row.last) or (
        row.done_until is not None and event.time < row.done_until
    )


async def _fold_late(
    tx: Transaction, folding: Folding[S], work: Working[S], late: list[Event[Any]], past: Pasts[S]
) -> Step:
    """Fold the customer anew with all that is late, up to where the stored state stood; the newest is the cause."""
    row, newest, before = work.row, late[-1], work.state
    tx.late += len(late)
    until = max(at for at in (work.known_until, newest.time) if at is not None)
    done = await fold_from_start(tx, folding, work, until, past)
    effects = folding.difference(before, await past.posted_of(work), work.state, newest.time)
    row.last = max(row.last, newest.order_key) if row.last else newest.order_key
    row.done_until = max((t for t in (done, row.done_until) if t is not None), default=None)
    row.inputs += len(late)
    return Step(row.key, cause_of(newest), True, newest.time, effects, newest)


async def refold(
    tx: Transaction, folding: Folding[S], keys: Iterable[CustomerKey], cause: str, at: datetime
) -> Folded[S]:
    """Fold customers anew because something all folds read has changed; one correction step a customer, dated `at`.

    Who has a long history is put down to be folded so in turns.
    `cause` names what changed and when (`statistics@2025-03-01T00:00:00Z`); it must not be used twice for a customer.
    """
    survivors = await lock_survivors(tx, keys)
    wanted = [key for key, survivor in survivors.items() if survivor == key]
    folded: Folded[S] = Folded(tx.service)
    working: dict[CustomerKey, Working[S]] = {}
    for key in sorted(wanted):
        if is_long(tx.locked[key]):
            await want_fold(tx, key, cause, at)
        else:
            working[key] = Working(tx.locked[key], load(folding, tx.locked[key]))
    past = Pasts(tx, folding, working.values())
    for key, work in working.items():
        row, before = work.row, work.state
        done = await fold_from_start(tx, folding, work, work.known_until, past)
        row.done_until = max((t for t in (done, row.done_until) if t is not None), default=None)
        effects = folding.difference(before, await past.posted_of(work), work.state, at)
        record(folded, row, [Step(key, cause, True, at, effects)])
    await store_folded(tx, folding, folded, working)
    return folded


async def lock_due(
    tx: Transaction, job: str, now: datetime, limit: int, without: Collection[str] = (), behind: str | None = None
) -> list[Task] | None:
    """The customers that are due first, locked, as tasks of the job; None when nobody is.

    Left out are those that another process holds or that are set aside of the job, or of that one `behind` which this
    one comes, and the shops `without`.
    """
    jobs = [job] if behind is None else [job, behind]
    rows = await lock_due_customers(tx, jobs, now, limit, sorted(without))
    tx.locked.update((row.key, row) for row in rows)
    return [Task(*row.key) for row in rows] or None


async def fold_due(tx: Transaction, folding: Folding[S], keys: Iterable[CustomerKey], now: datetime) -> Folded[S]:
    """Advance these customers to `now`, locking who is not locked yet."""
    wanted = list(keys)
    await tx.lock_customers(wanted)
    working = [Working(tx.locked[key], load(folding, tx.locked[key])) for key in wanted]
    return await fold_working(tx, folding, working, now)


async def fold_working(tx: Transaction, folding: Folding[S], loaded: Iterable[Working[S]], now: datetime) -> Folded[S]:
    """Advance these customers, who are locked and loaded, to `now`."""
    folded: Folded[S] = Folded(tx.service)
    working = {work.row.key: work for work in loaded}
    dues = [(work, work.next_due(folding)) for work in working.values()]
    await load_ahead(tx, folding, [(work, due) for work, due in dues if due is not None and due.at <= now])
    turns = Turns()
    for work in working.values():
        steps = list[Step]()
        async for step in do_dues(tx, folding, work, now):
            add_step(steps, step)
            await turns.take()
        folding.pass_over(steps, now)
        record(folded, work.row, steps)
        await turns.take()
    await store_folded(tx, folding, folded, working)
    return folded


async def current(tx: Transaction, folding: Folding[S], key: CustomerKey, at: datetime) -> S:
    """The state of the customer, or of who absorbed them, advanced to `at`, locked, not stored: what a command is
    judged against."""
    survivors = await lock_survivors(tx, [key])
    return await advanced(tx, folding, tx.locked[survivors[key]], at)


async def advanced(tx: Transaction, folding: Folding[S], row: CustomerRow, at: datetime) -> S:
    """The state of the row advanced to `at`, not stored; the row stays as it is.

    Where the customer is not locked, the transaction must stand still: row, items and history are of one instant then.
    """
    work = Working(replace(row), load(folding, row))
    async for _ in do_dues(tx, folding, work, at):
        pass
    return work.state


async def foreseen(tx: Transaction, folding: Folding[S], row: CustomerRow, until: datetime) -> list[Step]:
    """What falls due for the row's customer up to `until`, if nothing else happens; nothing is stored.

    As `advanced`: where the customer is not locked, the transaction must stand still.
    """
    work = Working(replace(row), load(folding, row))
    return [step async for step in do_dues(tx, folding, work, until)]


async def fold_command(tx: Transaction, folding: Folding[S], event: Event[Any]) -> Folded[S] | None:
    """Record an accepted command as an input and apply it; None when one of this id was recorded before.

    Also when that one had other contents, or was another customer's at this very moment: the caller knows what it was.
    It is recorded under the customer whom it names, also where a survivor's state is changed by it.
    """
    await lock_survivors(tx, [event.customer])
    try:
        if not await claim(tx, [(event, event.encode())], folding.kept):
            return None
    except SameIdOtherBody:
        return None
    return await fold_events(tx, folding, [event])

"""Folds customers in the database: a batch's inputs, what fell due, a command, or everything anew.

An input that comes in order continues from the stored state; a late one folds the customer again, from all inputs, and
yields the difference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic

from common.bus.inbox import SameIdOtherBody, claim
from common.events import CustomerKey, Event, EventData, fact_id
from common.fold.folding import (
    Folding,
    S,
    Step,
    Turns,
    add_step,
    advance,
    cause_of,
    fold_anew,
    fold_dues,
    fold_in_order,
    latest_due,
)
from common.fold.store import get_inputs, insert_inputs, lock_due_customers, save_customers
from common.storage.database import CustomerRow, Transaction
from common.work.set_aside import Task


@dataclass(slots=True)
class _Working(Generic[S]):
    row: CustomerRow
    state: S
    fresh: list[Event[Any]] = field(default_factory=list)


@dataclass(slots=True)
class Folded(Generic[S]):
    """What a batch did: its events, each customer's in order, their steps, and the states after it."""

    service: str
    events: list[Event[Any]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    states: dict[CustomerKey, S] = field(default_factory=dict)
    announced: list[Event[Any]] = field(default_factory=list)

    def facts(self) -> list[Event[Any]]:
        """The events to announce, with derived ids and the customer's running revision."""
        return self.announced


def load(folding: Folding[S], row: CustomerRow) -> S:
    return folding.empty() if row.state is None else folding.state.model_validate_json(row.state)


async def fold_events(tx: Transaction, folding: Folding[S], events: Sequence[Event[Any]]) -> Folded[S]:
    """Fold a batch's events customer by customer, each in the order of its inputs, and store states and inputs.

    The customers are locked (locking them here if the consumer has not). All that is late for a customer is folded in
    at once, and makes one correction; what is in order follows, each input with effects of its own. So corrections may
    be cut differently where the log is cut differently; states, and what the corrections come to, never are.
    """
    batch: dict[CustomerKey, list[Event[Any]]] = {}
    for event in events:
        if event.subject is not None:
            batch.setdefault(event.customer, []).append(event)
    await tx.lock_customers(batch)
    folded: Folded[S] = Folded(tx.service)
    working: dict[CustomerKey, _Working[S]] = {}
    turns = Turns()
    for key, mine in batch.items():
        row = tx.locked[key]
        work = working[key] = _Working(row, load(folding, row), sorted(mine, key=lambda e: e.order_key))
        late = [event for event in work.fresh if _is_late(row, event)]
        steps = [await _fold_late(tx, folding, work, late)] if late else []
        for step in fold_in_order(folding, work.state, work.fresh[len(late) :], None, key):
            add_step(steps, step)
            row.done_until = latest_due(row.done_until, step)
            if step.event is not None:
                row.last = step.event.order_key
            await turns.take()
        folded.events.extend(work.fresh)
        _record(folded, row, steps)
    await _store(tx, folding, folded, working)
    return folded


def _is_late(row: CustomerRow, event: Event[Any]) -> bool:
    """Whether the stored state knows of something that comes after this input."""
    return (row.last is not None and event.order_key < row.last) or (
        row.done_until is not None and event.time < row.done_until
    )


async def _fold_late(tx: Transaction, folding: Folding[S], work: _Working[S], late: list[Event[Any]]) -> Step:
    """Fold the customer anew with all that is late, up to where the stored state stood; the newest is the cause."""
    row, newest = work.row, late[-1]
    tx.late += len(late)
    inputs = [*await get_inputs(tx, row.key), *late]
    until = max(t for t in (row.done_until, row.last[0] if row.last else None, newest.time) if t is not None)
    after, done = await fold_anew(folding, inputs, until, row.key)
    effects = folding.difference(work.state, after, newest.time)
    work.state = after
    row.last = max(row.last, newest.order_key) if row.last else newest.order_key
    row.done_until = max((t for t in (done, row.done_until) if t is not None), default=None)
    return Step(row.key, cause_of(newest), True, newest.time, effects, newest)


async def refold(
    tx: Transaction, folding: Folding[S], keys: Iterable[CustomerKey], cause: str, at: datetime
) -> Folded[S]:
    """Fold customers anew because something all folds read has changed; one correction step a customer, dated `at`.

    `cause` names what changed and when (`statistics@2025-03-01T00:00:00Z`); it must not be used twice for a customer.
    """
    wanted = list(keys)
    await tx.lock_customers(wanted)
    folded: Folded[S] = Folded(tx.service)
    working: dict[CustomerKey, _Working[S]] = {}
    for key in wanted:
        row = tx.locked[key]
        before = load(folding, row)
        until = max((t for t in (row.done_until, row.last[0] if row.last else None) if t is not None), default=None)
        after, done = await fold_anew(folding, await get_inputs(tx, key), until, key)
        working[key] = _Working(row, after)
        row.done_until = max((t for t in (done, row.done_until) if t is not None), default=None)
        _record(folded, row, [Step(key, cause, True, at, folding.difference(before, after, at))])
    await _store(tx, folding, folded, working)
    return folded


async def lock_due(
    tx: Transaction, job: str, now: datetime, limit: int, without: Collection[str] = ()
) -> list[Task] | None:
    """The customers that are due first, locked, as tasks of the job; None when nobody is.

    Left out are those that another process holds or that are set aside of the job, and the shops `without`.
    """
    rows = await lock_due_customers(tx, job, now, limit, sorted(without))
    tx.locked.update((row.key, row) for row in rows)
    return [Task(*row.key) for row in rows] or None


async def fold_due(tx: Transaction, folding: Folding[S], keys: Iterable[CustomerKey], now: datetime) -> Folded[S]:
    """Advance these customers to `now`, locking who is not locked yet."""
    wanted = list(keys)
    await tx.lock_customers(wanted)
    folded: Folded[S] = Folded(tx.service)
    working: dict[CustomerKey, _Working[S]] = {}
    turns = Turns()
    for key in wanted:
        row = tx.locked[key]
        work, steps = _Working(row, load(folding, row)), list[Step]()
        for step in fold_dues(folding, work.state, now, key):
            add_step(steps, step)
            row.done_until = latest_due(row.done_until, step)
            await turns.take()
        working[key] = work
        _record(folded, row, steps)
        await turns.take()
    await _store(tx, folding, folded, working)
    return folded


async def current(tx: Transaction, folding: Folding[S], key: CustomerKey, at: datetime) -> S:
    """The customer's state advanced to `at`, locked, not stored: what a command is judged against."""
    await tx.lock_customers([key])
    state = load(folding, tx.locked[key])
    advance(folding, state, at, key)
    return state


async def fold_command(tx: Transaction, folding: Folding[S], event: Event[Any]) -> Folded[S] | None:
    """Record an accepted command as an input and apply it; None when one of this id was recorded before.

    Also when that one had other contents, or was another customer's at this very moment: the caller knows what it was.
    """
    await tx.lock_customers([event.customer])
    try:
        if not await claim(tx, [(event, event.encode())]):
            return None
    except SameIdOtherBody:
        return None
    return await fold_events(tx, folding, [event])


def _record(folded: Folded[S], row: CustomerRow, steps: list[Step]) -> None:
    for step in steps:
        folded.steps.append(step)
        number = 0
        for effect in step.effects:
            data = effect.data
            if not isinstance(data, EventData):
                continue
            row.revision += 1
            if "revision" in type(data).model_fields:
                data = data.model_copy(update={"revision": row.revision})
            shop, customer = row.key
            folded.announced.append(
                Event(
                    id=fact_id(step.cause, data.TYPE, shop, customer, number),
                    source=f"/shops/{shop}/{folded.service}",
                    shop=shop,
                    subject=customer,
                    time=effect.at,
                    data=data,
                    correlationid=(step.event.correlationid or step.event.id) if step.event else None,
                    causationid=step.event.id if step.event else None,
                )
            )
            number += 1


async def _store(
    tx: Transaction, folding: Folding[S], folded: Folded[S], working: dict[CustomerKey, _Working[S]]
) -> None:
    rows, turns = list[CustomerRow](), Turns()
    for key, work in working.items():
        await turns.take()
        due = folding.next_due(work.state)
        work.row.due_at = due.at if due else None
        work.row.state = work.state.model_dump_json(exclude_defaults=True)
        folded.states[key] = work.state
        rows.append(work.row)
    await save_customers(tx, rows)
    await insert_inputs(tx, (event for work in working.values() for event in work.fresh))

"""A customer's state as the fold of its inputs, in order, whatever order they came in.

Architecture.md section 2, point 4: an input that comes in order continues from the stored state; a late one folds the
customer again and yields the difference. Before an input is applied, what fell due up to then is done first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

import orjson
from pydantic import BaseModel

from common.bus.inbox import claim
from common.events import Event, EventData, decode, fact_id, rfc3339
from common.storage.database import CustomerKey, CustomerRow, Transaction, customer_row
from common.work.set_aside import Task

S = TypeVar("S", bound=BaseModel)
OrderKey = tuple[datetime, int, str, str]
_MOST_DUES = 10_000


@dataclass(frozen=True, slots=True)
class Due:
    """Something that falls due by itself: an expiry, a review."""

    at: datetime
    kind: str

    @property
    def cause(self) -> str:
        return f"{self.kind}@{rfc3339(self.at)}"


@dataclass(frozen=True, slots=True)
class Effect:
    """What came of an input or a due: event data is announced, anything else is for the service's own store."""

    data: Any
    at: datetime


class Folding(Protocol[S]):
    """A service's rules, without I/O. The state given is the callee's to change in place; nobody else holds it."""

    state: type[S]

    def empty(self) -> S: ...
    def next_due(self, state: S) -> Due | None: ...
    def fall_due(self, state: S, due: Due) -> list[Effect]: ...
    def apply(self, state: S, event: Event[Any]) -> list[Effect]: ...
    def difference(self, before: S, after: S, at: datetime) -> list[Effect]: ...


@dataclass(slots=True)
class Step:
    """What one input or due did to one customer; `correction`: late inputs did it, `event` is the newest of them."""

    customer: CustomerKey
    cause: str
    correction: bool
    at: datetime
    effects: list[Effect]
    event: Event[Any] | None = None


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


def cause_of(event: Event[Any]) -> str:
    return f"{event.source}#{event.id}"


class Breath:
    """Lets the event loop's other work run every few milliseconds of a long fold (API, liveness, heartbeats)."""

    def __init__(self, every_s: float = 0.01) -> None:
        self._every_s = every_s
        self._last = time.monotonic()

    async def take(self) -> None:
        """Let waiting tasks run, when this task has held the event loop for long enough."""
        if time.monotonic() - self._last >= self._every_s:
            await asyncio.sleep(0)
            self._last = time.monotonic()


def _dues(folding: Folding[S], state: S, until: datetime, key: CustomerKey) -> Iterator[Step]:
    """A step for everything that fell due up to `until`, done one by one."""
    for _ in range(_MOST_DUES):
        due = folding.next_due(state)
        if due is None or due.at > until:
            return
        yield Step(key, due.cause, False, due.at, folding.fall_due(state, due))
    raise RuntimeError(f"{_MOST_DUES} dues of one customer up to {until}: next_due does not move on")


def _fold(
    folding: Folding[S], state: S, events: Iterable[Event[Any]], until: datetime | None, key: CustomerKey
) -> Iterator[Step]:
    """The steps of inputs that are in order, and of what falls due before each and up to `until`."""
    for event in events:
        yield from _dues(folding, state, event.time, key)
        yield Step(key, cause_of(event), False, event.time, folding.apply(state, event), event)
    if until is not None:
        yield from _dues(folding, state, until, key)


def _add(steps: list[Step], step: Step) -> None:
    """Append the step; what fell due at one instant for one reason is one step."""
    if step.event is None and steps and steps[-1].cause == step.cause:
        steps[-1].effects.extend(step.effects)
    else:
        steps.append(step)


def _latest(done: datetime | None, step: Step) -> datetime | None:
    """The latest due that was done, this step's included."""
    return done if step.event is not None else step.at if done is None else max(done, step.at)


def advance(folding: Folding[S], state: S, until: datetime, key: CustomerKey) -> tuple[list[Step], datetime | None]:
    """Do what fell due up to `until`, each dated when it fell due; returns the steps and the latest due done."""
    steps, done = list[Step](), None
    for step in _dues(folding, state, until, key):
        _add(steps, step)
        done = _latest(done, step)
    return steps, done


def fold_all(
    folding: Folding[S], events: Iterable[Event[Any]], until: datetime | None, key: CustomerKey
) -> tuple[S, list[Step], datetime | None]:
    """Sort the inputs and fold them from empty, then advance to `until`: what the state must be, by definition."""
    state, steps, done = folding.empty(), list[Step](), None
    for step in _fold(folding, state, sorted(events, key=lambda e: e.order_key), until, key):
        _add(steps, step)
        done = _latest(done, step)
    return state, steps, done


async def fold_anew(
    folding: Folding[S], events: Iterable[Event[Any]], until: datetime | None, key: CustomerKey
) -> tuple[S, datetime | None]:
    """`fold_all` that lets other work run meanwhile: the state and the latest due done."""
    state, done, breath = folding.empty(), None, Breath()
    for step in _fold(folding, state, sorted(events, key=lambda e: e.order_key), until, key):
        done = _latest(done, step)
        await breath.take()
    return state, done


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
    breath = Breath()
    for key, mine in batch.items():
        row = tx.locked[key]
        work = working[key] = _Working(row, load(folding, row), sorted(mine, key=lambda e: e.order_key))
        late = [event for event in work.fresh if _is_late(row, event)]
        steps = [await _fold_late(tx, folding, work, late)] if late else []
        for step in _fold(folding, work.state, work.fresh[len(late) :], None, key):
            _add(steps, step)
            row.done_until = _latest(row.done_until, step)
            if step.event is not None:
                row.last = step.event.order_key
            await breath.take()
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

    Left out are those that somebody else holds or that are set aside of the job, and the shops `without`.
    """
    # The index on (due_at, shop, customer) has them in this order: many are due at one midnight.
    rows = await tx.fetch(_LOCK_DUE, job=job, now=now, limit=limit, without=sorted(without))
    for raw in rows:
        row = customer_row(raw)
        tx.locked[row.key] = row
    return [Task(raw.shop, raw.customer) for raw in rows] or None


async def fold_due(tx: Transaction, folding: Folding[S], keys: Iterable[CustomerKey], now: datetime) -> Folded[S]:
    """Advance these customers to `now`, locking who is not locked yet."""
    wanted = list(keys)
    await tx.lock_customers(wanted)
    folded: Folded[S] = Folded(tx.service)
    working: dict[CustomerKey, _Working[S]] = {}
    breath = Breath()
    for key in wanted:
        row = tx.locked[key]
        work, steps = _Working(row, load(folding, row)), list[Step]()
        for step in _dues(folding, work.state, now, key):
            _add(steps, step)
            row.done_until = _latest(row.done_until, step)
            await breath.take()
        working[key] = work
        _record(folded, row, steps)
        await breath.take()
    await _store(tx, folding, folded, working)
    return folded


async def current(tx: Transaction, folding: Folding[S], key: CustomerKey, at: datetime) -> S:
    """The customer's state advanced to `at`, locked, not stored: what a command is judged against."""
    await tx.lock_customers([key])
    state = load(folding, tx.locked[key])
    advance(folding, state, at, key)
    return state


async def fold_command(tx: Transaction, folding: Folding[S], event: Event[Any]) -> Folded[S] | None:
    """Record an accepted command as an input and apply it; None when it was recorded before (same id)."""
    await tx.lock_customers([event.customer])
    if not await claim(tx, [(event, event.encode())]):
        return None
    return await fold_events(tx, folding, [event])


async def get_inputs(tx: Transaction, key: CustomerKey) -> list[Event[Any]]:
    """Every stored input of a customer, oldest first."""
    rows = await tx.fetch(
        "select body from inputs where shop = :shop and customer = :customer order by at", shop=key[0], customer=key[1]
    )
    inputs, breath = list[Event[Any]](), Breath()
    for row in rows:
        inputs.append(decode(row.body))
        await breath.take()
    return inputs


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
    if not working:
        return
    rows, breath = [], Breath()
    for key, work in working.items():
        await breath.take()
        due = folding.next_due(work.state)
        row = work.row
        row.due_at = due.at if due else None
        row.state = work.state.model_dump_json(exclude_defaults=True)
        folded.states[key] = work.state
        rows.append(row)
    # The new states, all at once.
    await tx.execute(
        _UPDATE_CUSTOMERS,
        shops=[r.key[0] for r in rows],
        customers=[r.key[1] for r in rows],
        states=[r.state for r in rows],
        times=[r.last[0] if r.last else None for r in rows],
        ranks=[r.last[1] if r.last else None for r in rows],
        sources=[r.last[2] if r.last else None for r in rows],
        ids=[r.last[3] if r.last else None for r in rows],
        dones=[r.done_until for r in rows],
        dues=[r.due_at for r in rows],
        revisions=[r.revision for r in rows],
    )
    await tx.copy(
        "inputs",
        ("shop", "customer", "at", "rank", "source", "id", "type", "body"),
        (
            (*key, event.time, event.data.RANK, event.source, event.id, event.type, event.encode().decode())
            for key, work in working.items()
            for event in work.fresh
        ),
    )


_LOCK_DUE = """
select shop, customer, cast(state as text) as state, last_time, last_rank, last_source, last_id, done_until, due_at,
       revision
from customers c
where due_at <= :now and shop <> all(cast(:without as text[])) and not exists (
    select from set_aside s where s.job = :job and s.shop = c.shop and s.customer = c.customer
)
order by due_at, shop, customer limit :limit
for update skip locked
"""
_UPDATE_CUSTOMERS = """
update customers c set state = cast(u.state as jsonb), last_time = u.time, last_rank = u.rank, last_source = u.source,
       last_id = u.id, done_until = u.done, due_at = u.due, revision = u.revision
from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:states as text[]), cast(:times as timestamptz[]),
            cast(:ranks as integer[]), cast(:sources as text[]), cast(:ids as text[]), cast(:dones as timestamptz[]),
            cast(:dues as timestamptz[]), cast(:revisions as bigint[]))
     as u(shop, customer, state, time, rank, source, id, done, due, revision)
where c.shop = u.shop and c.customer = u.customer
"""


def same(a: BaseModel, b: BaseModel) -> bool:
    """Whether two states are equal in their stored form."""
    dump = (orjson.dumps(x.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS) for x in (a, b))
    return next(dump) == next(dump)

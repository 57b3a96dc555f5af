"""How does a customer's state come about? As the fold of its inputs, in order, whatever order they came in.

Architecture.md section 2, point 4: an input that comes in order continues from the stored state; a late one folds the
customer again and yields the difference. Before an input is applied, what fell due up to then is done first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

import orjson
from pydantic import BaseModel

from common.db import CustomerKey, CustomerRow, Transaction, customer_row
from common.events import Event, EventData, decode, fact_id, rfc3339
from common.inbox import claim

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
    """What one input or due did to one customer; `correction` when a late input made it."""

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
    stored: list[Event[Any]] | None = None


@dataclass(slots=True)
class Folded(Generic[S]):
    """The steps of a batch in log order, and the states after it."""

    service: str
    steps: list[Step] = field(default_factory=list)
    states: dict[CustomerKey, S] = field(default_factory=dict)
    announced: list[Event[Any]] = field(default_factory=list)

    def facts(self) -> list[Event[Any]]:
        """The events to announce, with derived ids and the customer's running revision."""
        return self.announced


def cause_of(event: Event[Any]) -> str:
    return f"{event.source}#{event.id}"


def advance(folding: Folding[S], state: S, until: datetime, key: CustomerKey) -> tuple[list[Step], datetime | None]:
    """Do what fell due up to `until`, each dated when it fell due; returns the steps and the latest due done."""
    steps: list[Step] = []
    done: datetime | None = None
    for _ in range(_MOST_DUES):
        due = folding.next_due(state)
        if due is None or due.at > until:
            return steps, done
        effects = folding.fall_due(state, due)
        done = due.at if done is None else max(done, due.at)
        if steps and steps[-1].cause == due.cause:
            steps[-1].effects.extend(effects)
        else:
            steps.append(Step(key, due.cause, False, due.at, effects))
    raise RuntimeError(f"{_MOST_DUES} dues of one customer up to {until}: next_due does not move on")


def fold_all(
    folding: Folding[S], events: Iterable[Event[Any]], until: datetime | None, key: CustomerKey
) -> tuple[S, list[Step], datetime | None]:
    """Sort the inputs and fold them from empty, then advance to `until`: what the state must be, by definition."""
    state, steps, done = folding.empty(), list[Step](), None
    for event in sorted(events, key=lambda e: e.order_key):
        dues, at = advance(folding, state, event.time, key)
        done = at or done
        steps.extend(dues)
        steps.append(Step(key, cause_of(event), False, event.time, folding.apply(state, event), event))
    if until is not None:
        dues, at = advance(folding, state, until, key)
        done = at or done
        steps.extend(dues)
    return state, steps, done


def load(folding: Folding[S], row: CustomerRow) -> S:
    return folding.empty() if row.state is None else folding.state.model_validate_json(row.state)


async def fold_events(tx: Transaction, folding: Folding[S], events: Sequence[Event[Any]]) -> Folded[S]:
    """Fold a batch's events in log order, customer by customer, and store states and inputs.

    The customers are locked (locking them here if the consumer has not). Batch borders never show: a late event is
    folded in at its place in the log, knowing only what came before it.
    """
    events = [event for event in events if event.subject is not None]
    await tx.lock_customers(event.customer for event in events)
    folded: Folded[S] = Folded(tx.service)
    working: dict[CustomerKey, _Working[S]] = {}
    for event in events:
        key = event.customer
        work = working.get(key)
        if work is None:
            row = tx.locked[key]
            work = working[key] = _Working(row, load(folding, row))
        row = work.row
        if (row.last is None or event.order_key >= row.last) and (
            row.done_until is None or event.time >= row.done_until
        ):
            dues, done = advance(folding, work.state, event.time, key)
            steps = [*dues, Step(key, cause_of(event), False, event.time, folding.apply(work.state, event), event)]
            row.last = event.order_key
            row.done_until = done or row.done_until
        else:
            steps = [await _fold_late(tx, folding, work, event)]
        work.fresh.append(event)
        _record(folded, row, steps)
    await _store(tx, folding, folded, working)
    return folded


async def _fold_late(tx: Transaction, folding: Folding[S], work: _Working[S], event: Event[Any]) -> Step:
    row = work.row
    tx.late += 1
    if work.stored is None:
        work.stored = await get_inputs(tx, row.key)
    inputs = [*work.stored, *work.fresh, event]
    until = max(t for t in (row.done_until, row.last[0] if row.last else None, event.time) if t is not None)
    after, _, done = fold_all(folding, inputs, until, row.key)
    effects = folding.difference(work.state, after, event.time)
    work.state = after
    row.last = max(row.last, event.order_key) if row.last else event.order_key
    row.done_until = max((t for t in (done, row.done_until) if t is not None), default=None)
    return Step(row.key, cause_of(event), True, event.time, effects, event)


async def refold(
    tx: Transaction, folding: Folding[S], keys: Iterable[CustomerKey], cause: str, at: datetime
) -> Folded[S]:
    """Fold customers anew because something all folds read has changed; one correction step a customer, dated `at`.

    `cause` names what changed and when (`figures@2025-03-01T00:00:00Z`); it must not be used twice for a customer.
    """
    wanted = list(keys)
    await tx.lock_customers(wanted)
    folded: Folded[S] = Folded(tx.service)
    working: dict[CustomerKey, _Working[S]] = {}
    for key in wanted:
        row = tx.locked[key]
        before = load(folding, row)
        until = max((t for t in (row.done_until, row.last[0] if row.last else None) if t is not None), default=None)
        after, _, done = fold_all(folding, await get_inputs(tx, key), until, key)
        working[key] = _Working(row, after)
        row.done_until = max((t for t in (done, row.done_until) if t is not None), default=None)
        _record(folded, row, [Step(key, cause, True, at, folding.difference(before, after, at))])
    await _store(tx, folding, folded, working)
    return folded


async def fold_due(tx: Transaction, folding: Folding[S], now: datetime, limit: int) -> Folded[S]:
    """One bite of a sweep: customers whose due time has come, locked by nobody else, advanced to `now`."""
    # The longest due first; a customer that somebody else holds is left for the next bite.
    rows = await tx.fetch(_LOCK_DUE, now=now, limit=limit)
    folded: Folded[S] = Folded(tx.service)
    working: dict[CustomerKey, _Working[S]] = {}
    for raw in rows:
        row = customer_row(raw)
        tx.locked[row.key] = row
        work = working[row.key] = _Working(row, load(folding, row))
        steps, done = advance(folding, work.state, now, row.key)
        row.done_until = max((t for t in (done, row.done_until) if t is not None), default=None)
        _record(folded, row, steps)
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
    return [decode(row.body) for row in rows]


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
    rows = []
    for key, work in working.items():
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
from customers where due_at <= :now
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
    """Do two states say the same? By their stored form."""
    dump = (orjson.dumps(x.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS) for x in (a, b))
    return next(dump) == next(dump)

"""A customer's state as the fold of its inputs, in order: pure, one customer at a time.

Before an input is applied, what fell due up to then is done first.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, TypeVar

import orjson
from pydantic import BaseModel, TypeAdapter

from common.events import CustomerKey, Event, rfc3339
from common.events.kept import Kept
from common.fold.items import State, Wanted
from common.storage.database import Transaction
from common.values.light import light_dataclass

S = TypeVar("S", bound=State)
OrderKey = tuple[datetime, int, str, str]
MOST_DUES = 10_000


@dataclass(frozen=True, slots=True)
class Due:
    """Something that falls due by itself: an expiry, a review."""

    at: datetime
    kind: str

    @property
    def cause(self) -> str:
        return f"{self.kind}@{rfc3339(self.at)}"


@light_dataclass(frozen=True, slots=True)
class Effect:
    """What came of an input or a due: event data is announced, anything else is for the service's own store.

    `told` False: event data that is not announced after all; it keeps its number among those of its step.
    """

    data: Any
    at: datetime
    told: bool = True


class Folding(ABC, Generic[S]):
    """A service's rules, without I/O but `posted`; `kept` is what the histories keep of its inputs.

    The state given is the callee's to change in place; nobody else holds it. Of its items it reads those that it
    `wants`, and all where the state was folded from the start.
    """

    state: type[S]
    kept: Kept
    item: type[Any] = object
    """The class of the items: whatever pydantic reads and writes."""

    @cached_property
    def items(self) -> TypeAdapter[Any]:
        """How an item is stored."""
        return TypeAdapter(self.item)

    def rules_of(self, shop: str) -> Any:
        """What every fold of the shop's customers reads; equal to that of another folding where nothing has changed."""
        return None

    def empty(self) -> S:
        return self.state()

    @abstractmethod
    def next_due(self, state: S) -> Due | None:
        """What falls due next; without items."""

    @abstractmethod
    def fall_due(self, state: S, due: Due) -> list[Effect]: ...

    @abstractmethod
    def apply(self, state: S, event: Event[Any]) -> list[Effect]: ...

    def wants(self, state: S, cause: Event[Any] | Due) -> Wanted:
        """The items that the input or due reads or changes, as far as it shows by the items that are loaded."""
        return ()

    def pass_over(self, steps: Sequence[Step], now: datetime) -> None:
        """Mark effects of a customer's steps that nobody needs to be told at `now`: `Effect.told`.

        What falls due between two inputs that come in order stands in one call, however the log is cut into batches.
        """

    async def moved(self, tx: Transaction, customers: Collection[CustomerKey]) -> None:
        """Inputs were moved among the histories of these customers, who are locked: move the rows that follow them."""

    def absorbed(self, before: S, posted: Any, at: datetime) -> list[Effect]:
        """What ends the own account of a customer whose inputs are all a survivor's now; nothing is announced of it."""
        return []

    async def posted(self, tx: Transaction, keys: Collection[CustomerKey]) -> Mapping[CustomerKey, Any]:
        """What the service has stored of each customer beside state and items and `difference` compares with."""
        return dict.fromkeys(keys)

    @abstractmethod
    def difference(self, before: S, posted: Any, after: S, at: datetime) -> list[Effect]:
        """What makes that which was announced and posted true again; `before` has no items, `after` has them all."""


class DueForEver(RuntimeError):
    """Doing what is due does not move the next due on: a fault of the rules."""

    def __init__(self, key: CustomerKey, until: datetime) -> None:
        super().__init__(f"{MOST_DUES} dues of {'/'.join(key)} up to {until}: next_due does not move on")


@dataclass(slots=True)
class Step:
    """What one input or due did to one customer; `correction`: late inputs did it, `event` is the newest of them."""

    customer: CustomerKey
    cause: str
    correction: bool
    at: datetime
    effects: list[Effect]
    event: Event[Any] | None = None


def cause_of(event: Event[Any]) -> str:
    return f"{event.source}#{event.id}"


class Turns:
    """Lets the event loop's other work run every few milliseconds of a long fold (API, liveness, heartbeats)."""

    def __init__(self, every_s: float = 0.01) -> None:
        self._every_s = every_s
        self._last = time.monotonic()

    async def take(self) -> None:
        """Let waiting tasks run, when this task has held the event loop for long enough."""
        if time.monotonic() - self._last >= self._every_s:
            await asyncio.sleep(0)
            self._last = time.monotonic()


def fold_dues(folding: Folding[S], state: S, until: datetime, key: CustomerKey) -> Iterator[Step]:
    """A step for everything that fell due up to `until`, done one by one."""
    for _ in range(MOST_DUES):
        due = folding.next_due(state)
        if due is None or due.at > until:
            return
        yield Step(key, due.cause, False, due.at, folding.fall_due(state, due))
    raise DueForEver(key, until)


def fold_in_order(
    folding: Folding[S], state: S, events: Iterable[Event[Any]], until: datetime | None, key: CustomerKey
) -> Iterator[Step]:
    """The steps of inputs that are in order, and of what falls due before each and up to `until`."""
    for event in events:
        yield from fold_dues(folding, state, event.time, key)
        yield Step(key, cause_of(event), False, event.time, folding.apply(state, event), event)
    if until is not None:
        yield from fold_dues(folding, state, until, key)


def add_step(steps: list[Step], step: Step) -> None:
    """Append the step; what fell due at one instant for one reason is one step."""
    if step.event is None and steps and steps[-1].cause == step.cause:
        steps[-1].effects.extend(step.effects)
    else:
        steps.append(step)


def latest_due(done: datetime | None, step: Step) -> datetime | None:
    """The latest due that was done, this step's included."""
    return done if step.event is not None else step.at if done is None else max(done, step.at)


def advance(folding: Folding[S], state: S, until: datetime, key: CustomerKey) -> tuple[list[Step], datetime | None]:
    """Do what fell due up to `until`, each dated when it fell due; returns the steps and the latest due done."""
    steps, done = list[Step](), None
    for step in fold_dues(folding, state, until, key):
        add_step(steps, step)
        done = latest_due(done, step)
    return steps, done


def fold_all(
    folding: Folding[S], events: Iterable[Event[Any]], until: datetime | None, key: CustomerKey
) -> tuple[S, list[Step], datetime | None]:
    """Sort the inputs and fold them from empty, then advance to `until`: what the state must be, by definition."""
    state, steps, done = folding.empty(), list[Step](), None
    for step in fold_in_order(folding, state, sorted(events, key=lambda e: e.order_key), until, key):
        add_step(steps, step)
        done = latest_due(done, step)
    return state, steps, done


def state_of(folding: Folding[S], events: Iterable[Event[Any]], until: datetime | None, key: CustomerKey) -> S:
    """The state of `fold_all`; its steps are not kept."""
    state = folding.empty()
    for _ in fold_in_order(folding, state, sorted(events, key=lambda e: e.order_key), until, key):
        pass
    return state


async def fold_anew(
    folding: Folding[S], events: Iterable[Event[Any]], until: datetime | None, key: CustomerKey
) -> tuple[S, datetime | None]:
    """`fold_all` that lets other work run meanwhile: the state and the latest due done."""
    state, done, turns = folding.empty(), None, Turns()
    for step in fold_in_order(folding, state, sorted(events, key=lambda e: e.order_key), until, key):
        done = latest_due(done, step)
        await turns.take()
    return state, done


def same(a: BaseModel, b: BaseModel) -> bool:
    """Whether two states are equal in their stored form."""
    dump = (orjson.dumps(x.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS) for x in (a, b))
    return next(dump) == next(dump)

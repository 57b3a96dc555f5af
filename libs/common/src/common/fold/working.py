"""A customer at work: the row, the state with what is loaded of its items, and what was made of it to be stored."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic
from uuid import UUID

from common.bus.inbox import key_of
from common.events import CustomerKey, Event, EventData, fact_id
from common.fold.folding import MOST_DUES, Due, DueForEver, Folding, S, Step, Turns, fold_anew
from common.fold.items import EVERYTHING
from common.fold.store_customers import save_customers
from common.fold.store_history import get_histories
from common.fold.store_items import get_items, save_items
from common.people.store import survivor_in
from common.storage.customer_rows import CustomerRow
from common.storage.database import Transaction

MANY_INPUTS = 2_000
"""Who has more is folded anew in turns, beside everything else (`common.fold.long`); so many take some 0.3 s."""


INPUTS_AT_ONCE = 10_000
"""Of the customers whose histories are read by one statement."""


@dataclass(slots=True)
class Working(Generic[S]):
    """A customer at work: `fresh` are the new inputs in order, of which so many are `folded` or postponed."""

    row: CustomerRow
    state: S
    fresh: list[Event[Any]] = field(default_factory=list)
    folded: int = 0
    anew: bool = False
    """The state was folded from the start, so that its items take the place of all that are stored."""
    asked: tuple[Due | None] | None = None
    """What falls due next, where that was asked since the state last changed."""

    def next_due(self, folding: Folding[S]) -> Due | None:
        """Asked once a state: to find it costs as much as to do it."""
        if self.asked is None:
            self.asked = (folding.next_due(self.state),)
        return self.asked[0]

    @property
    def known_until(self) -> datetime | None:
        """The instant up to which the state knows what happened; None before any input."""
        known = (self.row.done_until, self.row.last[0] if self.row.last else None)
        return max((at for at in known if at is not None), default=None)

    @property
    def unfolded(self) -> set[UUID]:
        """Keys of inputs that are claimed, and so stand in the history, and are not folded yet."""
        return {key_of((event.shop, event.source, event.id)) for event in self.fresh[self.folded :]}


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
    """The stored state, none of whose items is loaded; an empty one where nothing was folded yet."""
    return folding.empty() if row.state is None else folding.state.model_validate_json(row.state).partly()


def is_long(row: CustomerRow) -> bool:
    """Whether the customer has so many inputs that nobody should wait while all of them are folded."""
    return row.inputs > MANY_INPUTS


async def fold_from_start(
    tx: Transaction, folding: Folding[S], work: Working[S], until: datetime | None, past: Pasts[S] | None = None
) -> datetime | None:
    """Put the fold of the whole history, without what is not folded yet, in the state's place; the latest due done.

    `past`: read together with that of others.
    """
    history = await (past or Pasts(tx, folding, [work])).history_of(work)
    work.state, done = await fold_anew(folding, history, until, work.row.key)
    work.anew, work.asked = True, None
    return done


class Pasts(Generic[S]):
    """What is stored of customers who are folded from the start, read for many of them at once, in their order.

    A statement a customer would cost more than the fold of a short history.
    """

    def __init__(self, tx: Transaction, folding: Folding[S], working: Iterable[Working[S]]) -> None:
        self._tx, self._folding = tx, folding
        self._waiting = deque(working)
        self._histories: dict[CustomerKey, list[Event[Any]]] = {}
        self._posted: dict[CustomerKey, Any] = {}
        self._group: list[CustomerKey] = []

    async def history_of(self, work: Working[S]) -> list[Event[Any]]:
        """The inputs that are folded already or late, once."""
        if work.row.key not in self._histories:
            await self._read()
        return self._histories.pop(work.row.key)

    async def posted_of(self, work: Working[S]) -> Any:
        """What `difference` compares with."""
        if work.row.key not in self._posted:
            self._posted.update(await self._folding.posted(self._tx, self._group))
        return self._posted[work.row.key]

    async def _read(self) -> None:
        group, inputs = dict[CustomerKey, set[UUID]](), 0
        while self._waiting and (not group or inputs + self._waiting[0].row.inputs <= INPUTS_AT_ONCE):
            work = self._waiting.popleft()
            group[work.row.key] = work.unfolded
            inputs += work.row.inputs
        self._group = list(group)
        self._posted.clear()
        self._histories.update(await get_histories(self._tx, self._folding.kept, group))


async def load_ahead(
    tx: Transaction, folding: Folding[S], causes: Iterable[tuple[Working[S], Event[Any] | Due]]
) -> None:
    """Load with one statement what these are known to want; what they want after that is loaded as it shows."""
    wanted: dict[CustomerKey, tuple[Working[S], set[str]]] = {}
    for work, cause in causes:
        if not work.state.items.whole:
            missing = wanted.setdefault(work.row.key, (work, set()))[1]
            missing.update(name for name in folding.wants(work.state, cause) if name != EVERYTHING)
    stored = await get_items(tx, folding, [(key, name) for key, (_, names) in wanted.items() for name in names])
    for key, (work, names) in wanted.items():
        work.state.items.load(names, stored.get(key, {}))


async def make_ready(tx: Transaction, folding: Folding[S], work: Working[S], cause: Event[Any] | Due) -> bool:
    """Load what the cause wants, which may show only when something else is loaded.

    False where the input is to be postponed: it wants everything, and that is a long history.
    """
    while True:
        items = work.state.items
        if items.whole:
            return True
        missing = [name for name in folding.wants(work.state, cause) if not items.has(name)]
        if not missing:
            return True
        if EVERYTHING in missing:
            if is_long(work.row) and isinstance(cause, Event):
                return False
            await fold_from_start(tx, folding, work, work.known_until)
            return True
        await load_items(tx, folding, work.state, work.row.key, missing)


async def load_items(tx: Transaction, folding: Folding[S], state: S, key: CustomerKey, wanted: Collection[str]) -> None:
    """Load items of a state to look at them, beside those that are loaded; of an absorbed customer the survivor's."""
    key = survivor_in(tx, key)
    missing = [name for name in wanted if not state.items.has(name)]
    if missing:
        state.items.load(missing, (await get_items(tx, folding, [(key, name) for name in missing])).get(key, {}))


async def do_dues(tx: Transaction, folding: Folding[S], work: Working[S], until: datetime) -> AsyncIterator[Step]:
    """A step for everything that fell due up to `until`, done one by one."""
    for _ in range(MOST_DUES):
        due = work.next_due(folding)
        if due is None or due.at > until:
            return
        await make_ready(tx, folding, work, due)
        work.asked = None
        yield Step(work.row.key, due.cause, False, due.at, folding.fall_due(work.state, due))
        work.row.done_until = due.at if work.row.done_until is None else max(work.row.done_until, due.at)
    raise DueForEver(work.row.key, until)


def record(folded: Folded[S], row: CustomerRow, steps: list[Step]) -> None:
    for step in steps:
        folded.steps.append(step)
        number = 0
        for effect in step.effects:
            data = effect.data
            if not isinstance(data, EventData):
                continue
            if not effect.told:
                number += 1
                continue
            row.revision += 1
            data = data.with_revision(row.revision)
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


async def store_folded(
    tx: Transaction, folding: Folding[S], folded: Folded[S], working: dict[CustomerKey, Working[S]]
) -> None:
    rows, turns = list[CustomerRow](), Turns()
    for key, work in working.items():
        await turns.take()
        due = work.next_due(folding)
        work.row.due_at = due.at if due else None
        work.row.state = work.state.model_dump_json(exclude_defaults=True)
        folded.states[key] = work.state
        rows.append(work.row)
    await save_customers(tx, rows)
    anew = {key for key, work in working.items() if work.anew}
    await save_items(tx, folding, {key: work.state.items for key, work in working.items()}, anew)

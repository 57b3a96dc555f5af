"""Customers with long histories, folded anew in turns, so that nobody else waits for them.

What of theirs came late, or changes what only the whole past can tell, is postponed: it is claimed, it stands in the
history, and the state goes on without it. This job folds such a customer from the start, a second a turn, without
holding the customer; then, with the customer locked, it takes in what was folded meanwhile, posts the difference, and
puts the new state in the place of the old one.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic
from uuid import UUID

from common.events import CustomerKey, Event
from common.fold import store_history, store_long
from common.fold.folding import Folding, OrderKey, S, Step, Turns, cause_of, fold_dues, fold_in_order, latest_due
from common.fold.working import Folded, Working, load, record, store_folded
from common.storage.database import Transaction
from common.work.set_aside import Task
from common.work.sweeps import WorkList

JOB = "long-histories"
PAGE = 1_000
"""Inputs that are read at a time."""
TURN_S = 1.0
SHARE = 0.1
"""Of the sweeps' time: a customer of a hundred thousand orders takes half a minute of work, and may want it often."""
AHEAD_S = 5.0
"""Work that is done at once: some thousand orders are folded within seconds, where each turn rested for is a minute."""


@dataclass(slots=True)
class _Fold(Generic[S]):
    """A customer's fold as far as it has come; `seen` are the inputs in it, `postponed` those among them that were."""

    folding: Folding[S]
    state: S
    seen: set[UUID] = field(default_factory=set)
    postponed: dict[UUID, Event[Any]] = field(default_factory=dict)
    last: OrderKey | None = None
    done: datetime | None = None


class LongHistories(Generic[S]):
    """The work list of a service that folds.

    `folding_of(tx, shop)` gives the folding by all rules of the shop as they are stored now, and `save` stores what a
    fold has done, as the service's handlers do.
    """

    def __init__(
        self,
        folding_of: Callable[[Transaction, str], Awaitable[Folding[S]]],
        save: Callable[[Transaction, Folded[S]], Awaitable[None]],
    ) -> None:
        self._folding_of = folding_of
        self._save = save
        self._folds: dict[CustomerKey, _Fold[S]] = {}
        """At most one but for those that were set aside and are tried again."""

    def work_list(self) -> WorkList:
        return WorkList(JOB, self._take, self._do, most=1, share=SHARE, ahead_s=AHEAD_S, rebuilds=True)

    async def _take(self, tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
        key = await store_long.lease_long_history(tx, JOB)
        if key is None:
            self._folds.clear()  # what was begun has been done or set aside by another process
            return None
        return [Task(*key)]

    async def _do(self, tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
        """A turn of each; returns the inputs folded."""
        folded = 0
        for task in tasks:
            key = (task.shop, task.customer)
            fold = self._folds.pop(key, None)  # put back when the turn has gone well
            if fold is None:
                folding = await self._folding_of(tx, task.shop)
                fold = _Fold(folding, folding.empty())
            before = len(fold.seen)
            if not await _fold_on(tx, key, fold):
                self._folds[key] = fold
            elif await self._is_current(tx, key, fold):
                await self._finish(tx, key, fold)
            folded += len(fold.seen) - before
        return folded

    async def _is_current(self, tx: Transaction, key: CustomerKey, fold: _Fold[S]) -> bool:
        """Whether the rules are still those that the fold began with; else it begins again at the next turn."""
        now = await self._folding_of(tx, key[0])
        return bool(now.rules_of(key[0]) == fold.folding.rules_of(key[0]))

    async def _finish(self, tx: Transaction, key: CustomerKey, fold: _Fold[S]) -> None:
        """Take in what was folded meanwhile, and put the state in the place of the old one."""
        await tx.lock_customers([key])
        row, folding = tx.locked[key], fold.folding
        while not await _fold_on(tx, key, fold):
            pass  # what came while we had the customer not locked is little
        if len(fold.seen) - len(fold.postponed) != row.inputs:
            return  # something stands behind what was read; begin again
        work, before = Working(row, fold.state, anew=True), load(folding, row)
        until = max((at for at in (work.known_until, fold.last[0] if fold.last else None) if at), default=None)
        if until is not None:
            for step in fold_dues(folding, fold.state, until, key):
                fold.done = latest_due(fold.done, step)
        newest = max(fold.postponed.values(), key=lambda event: event.order_key, default=None)
        why = (cause_of(newest), newest.time) if newest is not None else await store_long.get_reason(tx, key)
        folded: Folded[S] = Folded(tx.service, sorted(fold.postponed.values(), key=lambda event: event.order_key))
        if why is not None:
            cause, at = why
            effects = folding.difference(before, (await folding.posted(tx, [key]))[key], fold.state, at)
            tx.late += len(fold.postponed)
            row.last, row.inputs = fold.last, len(fold.seen)
            row.done_until = max((t for t in (fold.done, row.done_until) if t is not None), default=None)
            record(folded, row, [Step(key, cause, True, at, effects, newest)])
            await store_folded(tx, folding, folded, {key: work})
            await self._save(tx, folded)
        await store_long.end_postponing(tx, key, fold.postponed)


async def _fold_on(tx: Transaction, key: CustomerKey, fold: _Fold[S]) -> bool:
    """Fold what comes next, for a turn at most; True when nothing is left."""
    began, turns = time.monotonic(), Turns()
    while True:
        page = await store_history.read_history(tx, fold.folding.kept, key, fold.last, PAGE)
        for input_key, postponed, event in page:
            fold.seen.add(input_key)
            if postponed:
                fold.postponed[input_key] = event
            for step in fold_in_order(fold.folding, fold.state, [event], None, key):
                fold.done = latest_due(fold.done, step)
            fold.last = event.order_key
            await turns.take()
        if len(page) < PAGE:
            return True
        if time.monotonic() - began >= TURN_S:
            return False

"""One transaction of the consumer: what a part of a poll brings counts exactly once, with all that follows from it.

The order within it: lock the offset rows and drop the part if it was not read from them, else move them on; claim in
the inbox; lock the customers; let the handlers fold, save and announce; bury what is dead; commit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.bus import offsets
from common.bus.broker import Position, Record
from common.bus.dead import DeadRecord, Sealer, bury
from common.bus.fuse import RAW, Fuse
from common.bus.halving import HANDLER_FAILED
from common.bus.inbox import claim_each
from common.bus.parts import Item, Part
from common.bus.subscriptions import Batch, Handlers, RawSubscription, RawTaken, Subscription, kept_by
from common.events import Event
from common.metrics import EVENT_AGE
from common.storage import traces
from common.storage.database import Database, Transaction
from common.tracing import handled


@dataclass(slots=True)
class Counts:
    """What was committed since this process started; read by metrics and the settled check."""

    claimed: int = 0
    duplicates: int = 0
    dead: int = 0
    late: int = 0
    by_type: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Claimed:
    """What became of a part's events in the inbox."""

    fresh: list[Event[Any]] = field(default_factory=list)
    duplicates: int = 0
    dead: list[DeadRecord] = field(default_factory=list)


class UnitOfWork:
    """Handles parts of polls for a service's subscriptions, each in a transaction of its own.

    Two parts may be under way at one time, where they have no partition number in common.
    """

    def __init__(
        self,
        database: Database,
        service: str,
        subscriptions: Sequence[Subscription],
        raw: Sequence[RawSubscription],
        *,
        seal: Sealer,
        before: Callable[[Transaction], Awaitable[None]] | None,
    ) -> None:
        """`before`: what each transaction begins with."""
        self._database, self._service = database, service
        self._kept = kept_by(subscriptions)
        self._handlers = Handlers(subscriptions)
        self._raw = raw
        self._seal = seal
        self._before = before
        self._fuse = Fuse()
        self._age = EVENT_AGE.labels(database.service)
        self.counts = Counts()

    async def carry_out(self, part: Part, first: Mapping[Position, int], cluster: str) -> None:
        """Store all that the part brings, and where reading goes on after it, or nothing.

        `first`: where the log of each partition begins; `cluster`: which Kafka cluster the part was read from.
        Raises Fenced where it was not read from the stored offsets, FuseBlown where too many in a row failed, and what
        the handlers and the database raise. An error does not mean "not committed": done once more, it is fenced.
        """
        live = [i for i in part.items if i.event is not None and i.dead is None]
        raw = [i.record for i in part.items if i.raw and i.dead is None]
        failed = [_kind(i) for i in part.items if i.dead and i.dead.slug == HANDLER_FAILED]
        async with self._database.transaction() as tx:
            if self._before is not None:
                await self._before(tx)
            await offsets.advance(tx, part.starts, part.nexts, first, cluster)
            claimed = await self._claim(tx, live)
            self._fuse.check(failed)
            await self._handle(tx, claimed.fresh)
            taken = await self._handle_raw(tx, raw)
            dead = [*(i.dead for i in part.items if i.dead), *claimed.dead, *taken.dead]
            await bury(tx, dead, self._seal, cluster)
        self._fuse.count(failed, [e.type for e in claimed.fresh] + [RAW] * bool(raw))
        self.counts.claimed += len(claimed.fresh) + taken.fresh
        self.counts.duplicates += claimed.duplicates
        self.counts.dead += len(dead)
        self.counts.late += tx.late
        self._count_each(claimed.fresh)

    async def _claim(self, tx: Transaction, live: Sequence[Item]) -> _Claimed:
        """Claim the items' events: those that are new, and as dead those whose id was used for another body."""
        claimed = _Claimed()
        outcomes = await claim_each(tx, [(i.event, i.record.value or b"") for i in live if i.event], self._kept)
        for item, outcome in zip(live, outcomes, strict=True):
            if outcome == "new" and item.event:
                claimed.fresh.append(item.event)
            elif outcome == "conflict":
                claimed.dead.append(item.died("same_id_other_body", "this id was used before for another body"))
            else:
                claimed.duplicates += 1
        return claimed

    async def _handle(self, tx: Transaction, fresh: Sequence[Event[Any]]) -> None:
        with handled(self._service, fresh) as tx.traces:
            await tx.lock_customers(e.customer for e in fresh if e.subject is not None)
            for handler, mine in self._handlers.share(fresh):
                await handler(tx, Batch(mine))
            if tx.traces:
                await traces.keep(tx, fresh)

    async def _handle_raw(self, tx: Transaction, records: Sequence[Record]) -> RawTaken:
        total = RawTaken()
        for reader in self._raw:
            mine = [r for r in records if r.topic in reader.topics]
            if mine:
                taken = await reader.handler(tx, mine)
                total.fresh += taken.fresh
                total.dead += taken.dead
        return total

    def _count_each(self, fresh: Sequence[Event[Any]]) -> None:
        now, by_type = self._database.clock.now(), self.counts.by_type
        for event in fresh:
            self._age.observe(max(0.0, (now - event.time).total_seconds()))
            by_type[event.type] = by_type.get(event.type, 0) + 1


def _kind(item: Item) -> str:
    return item.event.type if item.event is not None else RAW

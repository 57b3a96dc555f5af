"""Workers of one channel that hand messages off, each on a connection of its own, and one desk that keeps their books.

The desk leases messages, looks at the register once more, and gives each worker a few. One transaction records what all
workers that are done bring back and starts what they get next; no provider is called inside it. While a queue is long
the next messages are leased and written meanwhile, in a transaction beside it (decision 0083). What waits at the desk
keeps the queue's order, and goes back after a while. What was started when a process died may have left: marketing and
surveys are then never sent again, transactional ones once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from common.storage import traces
from common.storage.database import Database, Transaction
from common.storage.failures import is_temporary
from messaging.channels.protocol import Channel, Connection, Trouble
from messaging.contacts.state import Address
from messaging.delivery.fuse import Fuse
from messaging.delivery.outcomes.announcing import announce
from messaging.delivery.state import Ended, Place, Ready
from messaging.delivery.store import queue
from messaging.delivery.store.endings import end
from messaging.delivery.store.pauses import ALL_SHOPS, Pause
from messaging.delivery.worker.ahead import Ahead
from messaging.delivery.worker.books import Books, Troubles, Turn, turn_of
from messaging.delivery.worker.hands import SURE_S, Chunk, Done, Hands

log = structlog.get_logger()
CHUNK = 4
"""Messages a worker hands off between two records: so many are in doubt for each worker when the process is killed."""
AHEAD_CHUNKS = 4
"""Chunks for each worker that are leased at once, as long as they leave in time. An opt-out recalls what is leased and
not started, without a wait; but what is leased waits here, and no other process can send it."""
RENEW_EVERY_S = 5.0
LOOK_EVERY_S = 0.5
SOON_S = (0.02, 0.05, 0.1, 0.2)
"""Until each further look after a message was queued and could not be leased: what the order led to elsewhere comes
back at this moment, and whoever handles it holds the customer."""
HELD_LOOK_S = 0.05
"""Until the next look whether a customer is free of whom an end is to be recorded."""
GATHER_S = 0.05
"""So long a worker waits at the desk until half of them are there: one transaction for many costs little more."""
Take = Callable[[Transaction, int, Sequence[str], int], Awaitable[list[Ready]]]
"""Leases up to so many messages of shops that are not among these, of ranks before this one, and writes them; those
that may not go any more are suppressed or given back."""
MarkBounced = Callable[[Transaction, Sequence[tuple[Address, datetime]]], Awaitable[None]]
"""Remembers addresses that bounced for good: (address, when)."""


class Sender:
    """Sends what is queued for one channel, on as many connections as it has workers."""

    def __init__(
        self,
        database: Database,
        channel: Channel,
        take: Take,
        mark_bounced: MarkBounced,
        *,
        workers: int | None = None,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._database = database
        self._channel = channel
        self._take = take
        self._mark_bounced = mark_bounced
        self._fuse = Fuse(channel.name)
        self._hands = Hands(database)
        self._late: Done = []  # taken from behind slow hand-offs, not recorded yet
        self._workers = workers or channel.workers
        self._most_at_once = AHEAD_CHUNKS * CHUNK * self._workers
        self._at_once = self._most_at_once  # fewer while they leave slowly
        self._look_every_s = look_every_s
        self._at_work = 0
        self._soon: list[float] = []
        self._more = False  # the last lease found about as many as it may take
        self._queued = False  # something was queued, or is due, since the last look at the queue
        self._wake = asyncio.Event()
        self._ahead = Ahead(self._lease_next, self._wake.set)
        self._turns: list[Turn] = []
        self._connections: list[Connection] = []

    @property
    def handed_off(self) -> int:
        return self._hands.handed_off

    def wake(self, *, queued: bool = True) -> None:
        """Look at once; `queued`: a message was queued just now, so look again soon where it cannot be leased."""
        if queued:
            self._soon = list(SOON_S)
        self._queued = True
        self._wake.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping` is set; what a provider has been given then is finished and recorded, the rest goes back."""
        self._at_work = self._workers
        self._connections = [self._channel.connect() for _ in range(self._workers)]
        async with asyncio.TaskGroup() as group:
            for number, connection in enumerate(self._connections):
                group.create_task(self._work(connection, stopping), name=f"{self._channel.name}-{number}")
            group.create_task(self._keep_books(stopping), name=f"{self._channel.name}-desk")
            group.create_task(self._keep_leases(stopping), name=f"{self._channel.name}-leases")
            await stopping.wait()
            for connection in self._connections:
                connection.abandon()
            self._wake.set()

    async def step(self, connection: Connection) -> int:
        """One batch from lease to record, for tests; returns how many came to an end."""
        sure_until = asyncio.get_running_loop().time() + SURE_S
        async with self._database.transaction() as tx:
            chunk = Chunk(await self.start(tx, await self.take(tx)), sure_until)
        ended = await self._hands.hand_off(connection, chunk, asyncio.Event())
        async with self._database.transaction() as tx:
            await self.record(tx, ended, chunk.troubles)
        return len(ended)

    async def _work(self, connection: Connection, stopping: asyncio.Event) -> None:
        ended: Done = []
        troubles: Troubles = []
        try:
            while True:
                turn = Turn(ended, troubles, asyncio.get_running_loop().create_future())
                self._turns.append(turn)
                self._wake.set()
                chunk = await turn.chunk
                if chunk is None:
                    return
                ended = await self._hands.hand_off(connection, chunk, stopping)
                troubles = chunk.troubles
        finally:
            await connection.close()

    async def _keep_books(self, stopping: asyncio.Event) -> None:
        books = Books()
        try:
            while self._at_work:
                self._wake.clear()
                if self._turns:
                    await self._gather(books, stopping)
                started = await self._one_entry(books, stopping)
                if not started and not self._turns and self._at_work:
                    wait_s = self._soon.pop(0) if self._soon else self._look_every_s
                    await self._woken(min(wait_s, HELD_LOOK_S) if books.held else wait_s)
        finally:
            self._ahead.give_up()

    async def _gather(self, books: Books, stopping: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + GATHER_S
        while 2 * (len(books.at_desk) + len(self._turns)) < self._at_work and not stopping.is_set():
            left = until - loop.time()
            if left <= 0:
                return
            self._wake.clear()
            await self._woken(left)

    async def _woken(self, within_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), within_s)

    async def _one_entry(self, books: Books, stopping: asyncio.Event) -> bool:
        """One transaction for all workers at the desk; False when none of them got any work."""
        leaving = stopping.is_set()
        books.take_in(self._turns, self._late)
        self._turns, self._late = [], []
        wanted = 0 if leaving else CHUNK * len(books.at_desk)
        books.waiting = books.waiting + await self._ahead.receive(wait=leaving)
        late = books.waited_too_long()
        books.give_back(books.waiting if leaving else late)
        if late:
            self._at_once = max(CHUNK, self._at_once // 2)
        elif len(books.waiting) < wanted:  # all has left in time
            self._at_once = min(self._most_at_once, self._at_once * 2)
        sure_until = asyncio.get_running_loop().time() + SURE_S
        wait = leaving or books.to_wait_for(CHUNK * self._workers)
        try:
            started = await self._commit(books, wanted, wait=wait)
        except Exception as error:
            # What was handed off stays to be recorded; a lease that nobody records comes to its end.
            log.warning("sender_paused", temporary=is_temporary(error), detail=repr(error)[:300])
            if leaving:
                self._send_home(books)
            await _sleep(stopping, 1)
            return False
        if leaving:
            self._send_home(books)
        elif self._more and self._at_once == self._most_at_once and 2 * len(books.waiting) < self._at_once:
            self._ahead.begin()
        share = -(-len(started) // max(1, len(books.at_desk)))
        for number, turn in enumerate(list(books.at_desk)):
            chunk = started[number * share : (number + 1) * share]
            if chunk:
                books.at_desk.remove(turn)
                turn.chunk.set_result(Chunk(chunk, sure_until))
        return bool(started)

    async def _lease_next(self) -> list[Ready]:
        async with self._database.transaction() as tx:
            return await self.take(tx)

    async def _commit(self, books: Books, wanted: int, *, wait: bool) -> list[Ready]:
        """Record what ended, start up to `wanted` messages; the books change with the commit. Returns the started.

        `wait`: for who holds a customer of whom something is to be recorded. Otherwise that is left for the next entry,
        or no worker would get anything to do as long as the consumer handles what those orders led to.
        """
        if not books.ended and not wanted:
            return []
        leased, idle = books.waiting, []
        async with self._database.transaction() as tx:
            left = await self.record(tx, books.ended, books.troubles, wait=wait)
            started: list[Ready] = []
            if wanted:
                pauses = await self._fuse.look(tx)
                running = {p.shop for p in pauses if not p.over}
                # An opt-out waits for what is leased: it must not wait for a server that refuses us.
                idle = [r for r in leased if running & {ALL_SHOPS, r.message.about.shop}]
                leased = [r for r in leased if r not in idle]
                if any(p.shop == ALL_SHOPS for p in pauses):
                    wanted = 0 if ALL_SHOPS in running else 1  # one is enough to try
                leased = sorted(leased + await self._join(tx, pauses, leased, wanted), key=turn_of)
                chosen, leased = leased[:wanted], leased[wanted:]
                started = await self.start(tx, chosen)
                idle += [r for r in chosen if r not in started]
        books.waiting = leased
        books.postpone(left)
        books.give_back(idle)
        return started

    async def _join(self, tx: Transaction, pauses: Sequence[Pause], leased: list[Ready], wanted: int) -> list[Ready]:
        """What joins those at the desk: a lease where they are too few, else what goes before whoever's turn it is."""
        if len(leased) < wanted:
            # Those that are being leased beside us are the first of the queue.
            return [] if self._ahead.under_way else await self.take(tx, pauses, at_least=wanted)
        if not (wanted and self._queued):
            return []
        self._queued = False
        last = leased[wanted - 1].message.about.rank
        return await self._lease(tx, wanted, [p.shop for p in pauses if not p.over], last)

    def _send_home(self, books: Books) -> None:
        for turn in books.at_desk:
            self._at_work -= 1
            turn.chunk.set_result(None)
        books.at_desk = []

    async def take(self, tx: Transaction, pauses: Sequence[Pause] | None = None, *, at_least: int = 0) -> list[Ready]:
        """Lease messages for all workers; those that may not go any more are suppressed or given back.

        `pauses`: as this transaction has seen them. `at_least`: so many, where they are there.
        """
        paused = [p.shop for p in (await self._fuse.look(tx) if pauses is None else pauses) if not p.over]
        if ALL_SHOPS in paused:
            self._more = False
            return []
        limit = max(self._at_once, at_least)
        self._queued = False
        taken = await self._lease(tx, limit, paused, queue.ANY_RANK)
        self._more = 2 * len(taken) >= limit
        return taken

    async def _lease(self, tx: Transaction, limit: int, paused: Sequence[str], before: int) -> list[Ready]:
        now = asyncio.get_running_loop().time()
        taken = await self._take(tx, limit, paused, before)
        led_to = await traces.of(tx, ((r.message.about.shop, r.message.about.causation) for r in taken))
        return [
            replace(r, leased_at=now, traceparent=led_to.get((r.message.about.shop, r.message.about.causation or "")))
            for r in taken
        ]

    async def start(self, tx: Transaction, ready: Sequence[Ready]) -> list[Ready]:
        """Those that may leave: from the commit on they are in doubt until their end is recorded."""
        ours = {m.about.message_id for m in await queue.start(tx, [r.message for r in ready])}
        return [r for r in ready if r.message.about.message_id in ours]

    async def _keep_leases(self, stopping: asyncio.Event) -> None:
        """Slow hand-offs keep their leases, and what waits behind them goes back to the queue."""
        while not stopping.is_set() or self._at_work:
            self._late += self._hands.take_from_slow()
            if self._late:
                self._wake.set()
            try:
                async with self._database.transaction() as tx:
                    await queue.renew(tx, [r.message for r in self._hands.slow()])
            except Exception as error:
                log.warning("leases_not_renewed", temporary=is_temporary(error), detail=repr(error)[:300])
            await _sleep(stopping, RENEW_EVERY_S) if not stopping.is_set() else await asyncio.sleep(0.1)

    async def record(
        self, tx: Transaction, ended: Done, troubles: Sequence[tuple[Place, Trouble]] = (), *, wait: bool = True
    ) -> Done:
        """Record and announce what became of messages; twice the same is recorded once. Returns what was left because,
        without `wait`, somebody else holds the customer."""
        if not ended:
            return []
        keys = {e.message.key for e, _ in ended}
        free = (await tx.lock_customers(keys, there=True)).keys() if wait else await queue.lock_free(tx, keys)
        left = [(e, r) for e, r in ended if e.message.key not in free]
        ended = [(_with_address(e, r), r) for e, r in ended if e.message.key in free]
        done = await end(tx, [e for e, _ in ended])
        await self._mark_bounced(tx, [((e.message.about.shop, e.bounced), e.at) for e in done if e.bounced is not None])
        await announce(tx, done)
        accepted = [r for e, r in ended if e.state == "sent"]
        await self._fuse.record(
            tx,
            {r.message.about.shop for r in accepted},
            {Place(*r.address) for r in accepted if r.on_trial and r.address is not None},
            troubles,
        )
        return left


async def _sleep(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)


def _with_address(e: Ended, ready: Ready) -> Ended:
    """The end with the hash of where the message went: a bounce, at once or days later, is about that one."""
    if ready.address is None or e.state not in ("sent", "failed", "unknown"):
        return e
    to = ready.address[1]
    return replace(e, bounced=to if e.address_bad else None, sent_to=to if to != e.message.address else None)

"""Due work is done in turns, and waits while the consumer is behind."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from common.storage.database import Database, Transaction
from common.work import set_aside
from common.work.set_aside import Task
from common.work.sweeps import Job, Sweeper, WorkList, _Standing


class Due:
    """A job with so many batches of work; `after` is called behind each."""

    def __init__(self, batches: int, after: Callable[[], None] = lambda: None) -> None:
        self.left, self.done = batches, asyncio.Event()
        self._after = after

    async def batch(self, tx: Transaction, now: datetime, limit: int) -> int:
        if self.left == 0:
            self.done.set()
            return 0
        self.left -= 1
        self._after()
        return limit


class Consumer:
    """Is behind, or not, or cannot say."""

    def __init__(self) -> None:
        self.is_behind = False
        self.unknown = False
        self.until = datetime.max.replace(tzinfo=UTC)
        self.asked = asyncio.Event()

    async def read_until(self) -> datetime | None:
        self.asked.set()
        if self.unknown:
            raise OSError("no broker")
        return None if self.is_behind else self.until

    def fall_behind(self) -> None:
        self.is_behind = True


async def _running(sweeper: Sweeper, until: asyncio.Event) -> None:
    running = asyncio.create_task(sweeper.run())
    await until.wait()
    await sweeper.stop()
    await running


def test_a_little_work_is_not_rested_for_and_a_lot_keeps_to_its_share() -> None:
    """Turns of a second, a tenth of the time, five seconds ahead: the sixth turn is rested for, and each behind it."""
    standing, rests = _Standing(1, 1), []
    start = time.monotonic() - 1.0
    for turn in range(8):
        standing.rest(start, 0.1, 5.0)  # each turn begins then, and ends now
        rests.append(round(standing.until - start) - 10 * turn)
    assert rests == [10 - 50] * 8
    assert [10 * (turn + 1) - 50 > 1 for turn in range(8)] == [False] * 5 + [True] * 3
    assert standing.until > time.monotonic()


async def test_a_round_does_every_job_in_turn_until_nothing_is_due(db: Database) -> None:
    order: list[str] = []
    first, second = Due(3, lambda: order.append("first")), Due(2, lambda: order.append("second"))
    jobs = [Job("first", first.batch), Job("second", second.batch)]
    sweeper = Sweeper(db, jobs, read_until=Consumer().read_until)
    assert await sweeper.sweep() == sweeper.done == 5 * 200
    assert order == ["first", "second", "first", "second", "first"]
    assert await sweeper.sweep() == 0


@pytest.mark.parametrize("unknown", [False, True])
async def test_nothing_is_swept_while_the_consumer_is_behind_or_cannot_say(db: Database, unknown: bool) -> None:
    """Nobody is downgraded for an order that is already in the log."""
    consumer, work = Consumer(), Due(1)
    consumer.is_behind, consumer.unknown = True, unknown
    sweeper = Sweeper(db, [Job("work", work.batch)], read_until=consumer.read_until, every_s=0.01)
    running = asyncio.create_task(sweeper.run())
    for _ in range(3):
        consumer.asked.clear()
        await consumer.asked.wait()
    assert work.left == 1
    consumer.is_behind = consumer.unknown = False
    await work.done.wait()
    await sweeper.stop()
    await running
    assert work.left == 0


async def test_a_round_ends_where_the_consumer_falls_behind_and_what_is_left_stays_due(db: Database) -> None:
    consumer = Consumer()
    work, later = Due(5, consumer.fall_behind), Due(1)
    jobs = [Job("work", work.batch), Job("later", later.batch)]
    sweeper = Sweeper(db, jobs, read_until=consumer.read_until, every_s=0.01)
    assert await sweeper.sweep(patiently=True) == 200
    assert (work.left, later.left) == (4, 1)
    assert await sweeper.sweep() == 5 * 200, "who asks for a round gets all of it"


async def test_what_falls_due_after_the_instant_up_to_which_the_log_is_read_waits(db: Database) -> None:
    """Nobody is downgraded for an order that is already in the log; an operator's own round does all that is due."""
    consumer, asked = Consumer(), list[datetime]()
    consumer.until = db.clock.now() - timedelta(seconds=40)

    async def batch(tx: Transaction, now: datetime, limit: int) -> int:
        asked.append(now)
        return 0

    sweeper = Sweeper(db, [Job("work", batch)], read_until=consumer.read_until)
    await sweeper.sweep(patiently=True)
    assert asked == [consumer.until]
    await sweeper.sweep()
    assert asked[1] > consumer.until + timedelta(seconds=39)


async def test_on_a_held_clock_nothing_is_swept_unless_asked_for(db: Database) -> None:
    consumer, work = Consumer(), Due(1)
    looks = list[bool]()

    class Held(Sweeper):
        @property
        def held(self) -> bool:
            looks.append(True)
            return True

        @held.setter
        def held(self, _: bool) -> None: ...

    sweeper = Held(db, [Job("work", work.batch)], read_until=consumer.read_until, held=True, every_s=0.01)
    running = asyncio.create_task(sweeper.run())
    while len(looks) < 3:
        await asyncio.sleep(0.01)
    assert work.left == 1
    assert not consumer.asked.is_set()
    await sweeper.sweep()
    assert work.left == 0
    await sweeper.stop()
    await running


async def test_a_bite_that_fails_is_rolled_back_and_found_due_again(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("create table swept (n integer)")
    failures = [ZeroDivisionError()]
    work = Due(0)

    async def batch(tx: Transaction, now: datetime, limit: int) -> int:
        if await tx.value("select count(*) from swept"):
            return await work.batch(tx, now, limit)
        await tx.execute("insert into swept values (1)")
        if failures:
            raise failures.pop()
        return 1

    await _running(Sweeper(db, [Job("failing once", batch)], read_until=Consumer().read_until, every_s=0.01), work.done)
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from swept") == 1


class Rows:
    """A work list of the rows of a kind; doing one removes it, and adds one of the kind that `then` names."""

    def __init__(self, kind: str, asks: str | None, then: str | None = None) -> None:
        self.turns = 0
        self.list = WorkList(kind, self._take, self._do, asks=asks)
        self._then = then

    async def _take(self, tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
        self.turns += 1
        found = await tx.value("select count(*) from waiting where kind = :kind", kind=self.list.name)
        return [Task("s", self.list.name)] if found else None

    async def _do(self, tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
        await tx.execute("delete from waiting where kind = :kind", kind=self.list.name)
        if self._then is not None:
            await tx.execute("insert into waiting values (:kind)", kind=self._then)
        return 1


def _waiting(kind: str) -> str:
    return f"exists (select from waiting where kind = '{kind}' and :now > timestamptz '2000-01-01')"


async def test_a_list_whose_condition_does_not_hold_has_no_turn_until_it_does(db: Database) -> None:
    """By one question a round; what one list did may make another's hold, and what was set aside is tried again."""
    lists = [
        Rows("woken", _waiting("woken")),
        Rows("never", "false"),
        Rows("asked", None),
        Rows("busy", _waiting("busy"), then="woken"),
    ]
    woken, never, asked, busy = lists
    async with db.transaction() as tx:
        await tx.execute("create table waiting (kind text)")
        await tx.execute("insert into waiting values ('busy')")
    sweeper = Sweeper(db, [each.list for each in lists])
    assert await sweeper.sweep() == 2
    assert (woken.turns, never.turns, busy.turns) == (2, 0, 2), "each once with work, and once without"
    turns = asked.turns
    assert await sweeper.sweep() == 0
    assert (woken.turns, never.turns, busy.turns, asked.turns) == (2, 0, 2, turns + 1)
    async with db.transaction() as tx:
        await set_aside.put(tx, "never", Task("s", "never"), tx.clock.now() - timedelta(hours=1), "failed")
    assert await sweeper.sweep() == 1
    async with db.transaction() as tx:
        assert await set_aside.count_by_job(tx) == {}


async def test_where_the_question_fails_every_list_has_its_turn(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("create table waiting (kind text)")
        await tx.execute("insert into waiting values ('good'), ('odd')")
    good, odd = Rows("good", _waiting("good")), Rows("odd", "no such condition")
    assert await Sweeper(db, [good.list, odd.list]).sweep() == 2
    assert (good.turns, odd.turns) == (3, 3)

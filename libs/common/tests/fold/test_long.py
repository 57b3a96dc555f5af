"""Who has a long history is folded anew in turns, and nobody waits for it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from common.events import Event
from common.fold import long, working
from common.fold.customers import refold
from common.fold.folding import Effect, fold_all
from common.fold.long import JOB, LongHistories
from common.fold.store_long import count_long_histories
from common.storage.database import Database, Transaction
from common.work import sweeps
from common.work.sweeps import Sweeper

from .test_fold import FOLDING, KEY, START, Toy, ToyFolding, feed, stored, view

MANY = 20


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty inputs are a long history, read seven at a time, and a turn takes one page."""
    monkeypatch.setattr(working, "MANY_INPUTS", MANY)
    monkeypatch.setattr(long, "PAGE", 7)
    monkeypatch.setattr(long, "TURN_S", 0.0)


class Ruled(ToyFolding):
    """By a rule that may become another."""

    def __init__(self, rule: str) -> None:
        self.rule = rule

    def rules_of(self, shop: str) -> str:
        return self.rule


class Job:
    """The job in a process of its own: `rule` is what it finds stored, `culprit` an input that cannot be folded."""

    def __init__(self, db: Database) -> None:
        self.db, self.rule, self.culprit = db, "first", ""
        self.list = LongHistories(self._folding_of, self._save).work_list()

    async def turn(self) -> int | None:
        async with self.db.transaction() as tx:
            return await sweeps.work(tx, self.list, tx.clock.now(), 1)

    async def turns(self) -> int:
        """Turns until nothing is left."""
        number = 0
        while await self.turn() is not None:
            number += 1
        return number

    async def _folding_of(self, tx: Transaction, shop: str) -> Ruled:
        culprit = self.culprit

        class Failing(Ruled):
            def apply(self, state: Toy, event: Event[Any]) -> list[Effect]:
                if event.id == culprit:
                    raise ArithmeticError("a fault of the rules")
                return super().apply(state, event)

        return Failing(self.rule)

    async def _save(self, tx: Transaction, folded: working.Folded[Toy]) -> None:
        await tx.announce(folded.facts())


@pytest.fixture
def job(db: Database) -> Job:
    return Job(db)


async def begin(db: Database, late: Sequence[int] = (30,)) -> list[Event[Any]]:
    """A customer with 40 inputs in order, and then one an hour before each of those numbers."""
    events = [view(number, 100 + number) for number in range(40)]
    behind = [view(1000 + number, 99 + number) for number in late]
    await feed(db, events, 500)
    await feed(db, behind, 500)
    return events + behind


async def expected(db: Database, events: Sequence[Event[Any]]) -> Toy:
    async with db.transaction() as tx:
        row = (await tx.lock_customers([KEY]))[KEY]
    until = max(at for at in (row.last[0] if row.last else None, row.done_until) if at is not None)
    return fold_all(FOLDING, events, until, KEY)[0]


async def waiting(db: Database) -> tuple[int, int]:
    """Customers who wait, and inputs that are postponed."""
    async with db.transaction() as tx:
        return await count_long_histories(tx), await tx.value("select count(*) from history where postponed")


async def test_what_is_late_is_postponed_and_what_is_in_order_goes_on(db: Database, job: Job) -> None:
    events = await begin(db)
    before, facts = await stored(db)
    assert "+1030" not in "".join(before.trace)
    assert (len(facts), await waiting(db)) == (len(before.trace), (1, 1)), "nothing was said of it"
    fresh = view(50, 150)
    await feed(db, [fresh], 1)
    assert (await stored(db))[0].trace[-1].startswith("+50@")
    assert await job.turns() == 7, "42 inputs, seven a turn, and one that finds no more"
    after, facts = await stored(db)
    assert after == await expected(db, [*events, fresh])
    assert await waiting(db) == (0, 0)
    assert '"causationid":"1030"' in facts[-1][2]


async def test_several_late_inputs_make_one_correction(db: Database, job: Job) -> None:
    events = await begin(db, late=(3, 20, 33))
    _, facts = await stored(db)
    await job.turns()
    state, corrected = await stored(db)
    assert state == await expected(db, events)
    assert len(corrected) == len(facts) + 1


@pytest.mark.parametrize("turns", range(1, 7))
async def test_what_comes_between_two_turns_is_folded_in(db: Database, job: Job, turns: int) -> None:
    """In order, late behind what was read, and late before what is to be read."""
    events = await begin(db)
    for _ in range(turns):
        await job.turn()
    more = [view(60, 145), view(61, 146), view(62, 99), view(63, 138)]
    for one in more:
        await feed(db, [one], 1)
        await job.turn()
    await job.turns()
    assert (await stored(db))[0] == await expected(db, [*events, *more])
    assert await waiting(db) == (0, 0)


async def test_where_a_rule_has_changed_meanwhile_the_fold_begins_again(db: Database, job: Job) -> None:
    events = await begin(db)
    for _ in range(3):
        await job.turn()
    job.rule = "second"
    assert await job.turns() == 3 + 6
    assert (await stored(db))[0] == await expected(db, events)


async def test_a_refold_of_a_long_history_is_done_in_turns_and_dated_as_it_says(db: Database, job: Job) -> None:
    await begin(db, late=())
    async with db.transaction() as tx:
        folded = await refold(tx, FOLDING, [KEY], "rule@2", START + timedelta(hours=120))
        assert folded.steps == []
        assert await waiting(db) == (0, 0), "not committed yet"
    _, facts = await stored(db)
    assert await job.turns() == 6
    _, corrected = await stored(db)
    assert len(corrected) == len(facts) + 1
    assert '"time":"2025-01-06T00:00:00Z"' in corrected[-1][2]


async def test_a_turn_holds_nobody(db: Database, job: Job) -> None:
    """Until its last turn the customer may be locked by another process."""
    await begin(db)
    async with db.transaction() as other:
        await other.lock_customers([KEY])
        for _ in range(5):
            await job.turn()
        assert await waiting(db) == (1, 1)
    await job.turn()
    assert await waiting(db) == (0, 0)


@pytest_asyncio.fixture
async def elsewhere(db: Database) -> AsyncIterator[Database]:
    """The same database, of another process."""
    database = Database(db.engine.url.render_as_string(hide_password=False), clock=db.clock, service="toy")
    yield database
    await database.close()


async def test_two_processes_never_work_on_one_customer(db: Database, job: Job, elsewhere: Database) -> None:
    """A process that is frozen keeps its sessions: it is followed by another minutes after its last turn."""
    await begin(db)
    await job.turn()
    other = Job(elsewhere)
    assert await other.turn() is None
    async with db.transaction() as tx:
        await tx.execute("update long_histories set leased_until = now() - interval '1 second'")
    assert await other.turns() == 6, "begun anew, since what was folded is in the other's memory"
    assert await job.turn() is None
    assert await waiting(db) == (0, 0)


async def test_a_process_that_was_killed_is_followed_by_another_at_once(db: Database, elsewhere: Database) -> None:
    """Its sessions end with it, so that nobody waits for the end of its lease."""
    events = await begin(db)
    killed = Job(elsewhere)
    await killed.turn()
    await killed.turn()
    async with db.transaction() as tx:
        # What PostgreSQL sees of SIGKILL: all sessions of the process are gone.
        await tx.fetch(
            """
            select pg_terminate_backend(pid, 5000) from pg_stat_activity
            where datname = current_database() and application_name = :name
            """,
            name=elsewhere.session_name,
        )
    assert await Job(db).turns() == 6
    assert await waiting(db) == (0, 0)
    assert (await stored(db))[0] == await expected(db, events)


async def test_who_cannot_be_folded_is_set_aside_and_the_next_has_a_turn(db: Database, job: Job) -> None:
    events = await begin(db)
    job.culprit = "5"
    assert await job.turn() == 1
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from set_aside where job = :job", job=JOB) == 1
    assert await job.turn() is None
    job.culprit = ""
    async with db.transaction() as tx:
        await tx.execute("update set_aside set retry_at = '2000-01-01T00:00:00Z'")
    await job.turns()
    assert (await stored(db))[0] == await expected(db, events)
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from set_aside") == 0


async def test_a_patient_sweep_gives_the_job_its_share_of_the_time_alone(db: Database, job: Job) -> None:
    await begin(db)
    sweeper = Sweeper(db, [replace(job.list, ahead_s=0.0)])
    await sweeper.sweep(patiently=True)
    await sweeper.sweep(patiently=True)
    assert await waiting(db) == (1, 1), "one turn, and then a rest nine times as long"
    await sweeper.sweep()
    assert await waiting(db) == (0, 0), "a replay waits for nothing"


async def test_little_work_is_done_at_once(db: Database, job: Job) -> None:
    """Of a customer of some thousand orders: each turn rested for would be a minute (case 23)."""
    await begin(db)
    await Sweeper(db, [job.list]).sweep(patiently=True)
    assert await waiting(db) == (0, 0)


@pytest.mark.parametrize("seed", range(5))
async def test_any_arrival_and_any_turns_give_the_state_of_all_inputs(db: Database, job: Job, seed: int) -> None:
    """L1 with turns at any time between the batches."""
    draw = random.Random(seed)
    events = [view(number, draw.randrange(400)) for number in range(120)]
    for start in range(0, len(events), 6):
        await feed(db, events[start : start + 6], 6)
        for _ in range(draw.randrange(4)):
            await job.turn()
    await job.turns()
    assert (await stored(db))[0] == await expected(db, events)
    assert await waiting(db) == (0, 0)

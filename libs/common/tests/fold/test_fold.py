"""A customer's state depends on its inputs alone."""

import asyncio
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field
from sqlalchemy.event import listen

from common.bus.inbox import claim
from common.events import Event
from common.events.activity import ProductViewed
from common.events.kept import Kept
from common.events.membership import BalancesChanged
from common.fold import working
from common.fold.customers import fold_due, fold_events
from common.fold.folding import Due, Effect, Folding, fold_all, state_of
from common.fold.items import State
from common.fold.working import Folded, load
from common.storage.database import Database, Transaction

START = datetime(2025, 1, 1, tzinfo=UTC)
KEY = ("shop", "c1")


class Toy(State):
    """Views are worth one each, until ten hours later; the trace shows in which order things were done."""

    worth: int = 0
    ends: list[datetime] = Field(default_factory=list)
    trace: list[str] = Field(default_factory=list)


class ToyFolding(Folding[Toy]):
    state = Toy
    kept = Kept({ProductViewed: ()})

    def empty(self) -> Toy:
        return Toy(ends=[], trace=[])

    def next_due(self, state: Toy) -> Due | None:
        return Due(min(state.ends), "fade") if state.ends else None

    def fall_due(self, state: Toy, due: Due) -> list[Effect]:
        gone = state.ends.count(due.at)
        state.ends = [e for e in state.ends if e != due.at]
        state.worth -= gone
        state.trace.append(f"-{gone}@{due.at:%d%H}")
        return [self._effect(state, -gone, due.at)]

    def apply(self, state: Toy, event: Event[Any]) -> list[Effect]:
        state.worth += 1
        state.ends.append(event.time + timedelta(hours=10))
        state.trace.append(f"+{event.id}@{event.time:%d%H}:{state.worth}")
        return [self._effect(state, 1, event.time)]

    def difference(self, before: Toy, posted: None, after: Toy, at: datetime) -> list[Effect]:
        return [self._effect(after, after.worth - before.worth, at)]

    def _effect(self, state: Toy, change: int, at: datetime) -> Effect:
        fact = BalancesChanged(
            pending=0, available=state.worth, growth=0, points_change=change, growth_change=0, reason=""
        )
        return Effect(fact, at)


FOLDING = ToyFolding()


def view(number: int, hour: int, customer: str = KEY[1]) -> Event[Any]:
    time = START + timedelta(hours=hour)
    return Event(
        f"{customer}-{number}" if customer != KEY[1] else str(number),
        "/shops/shop/web",
        "shop",
        customer,
        time,
        ProductViewed(sku="a"),
    )


async def fold(tx: Transaction, events: Sequence[Event[Any]]) -> Folded[Toy]:
    """Claim the events, as the consumer does, and fold them."""
    return await fold_events(tx, FOLDING, await claim(tx, [(e, e.encode()) for e in events], FOLDING.kept))


async def feed(db: Database, events: Sequence[Event[Any]], size: int) -> None:
    for start in range(0, len(events), size):
        async with db.transaction() as tx:
            folded = await fold(tx, events[start : start + size])
            await tx.announce(folded.facts())


async def stored(db: Database) -> tuple[Toy, list[tuple[Any, ...]]]:
    async with db.transaction() as tx:
        row = (await tx.lock_customers([KEY]))[KEY]
        facts = await tx.fetch("select id, type, payload from outbox order by seq")
        return load(FOLDING, row), [tuple(f) for f in facts]


@given(st.lists(st.integers(0, 60), max_size=12), st.randoms())
def test_the_fold_is_a_function_of_the_inputs_alone(hours: list[int], random: Any) -> None:
    """L1: any order of the same inputs, advanced to the same instant, gives the same state."""
    events = [view(n, h) for n, h in enumerate(hours)]
    until = START + timedelta(hours=80)
    expected = fold_all(FOLDING, events, until, KEY)[0]
    random.shuffle(events)
    assert fold_all(FOLDING, events, until, KEY)[0] == expected == state_of(FOLDING, events, until, KEY)


@pytest.mark.parametrize("seed", range(4))
async def test_batch_borders_never_show_in_states(db: Database, database_from: Any, seed: int) -> None:
    """Sizes 1, 2, 7 and 500 of one log, several late events in a batch among them; the announcements add up."""
    draw = random.Random(seed)
    log = [view(n, draw.randrange(60)) for n in range(25)]
    results = []
    for size in (1, 2, 7, 500):
        other = Database(await database_from(), clock=db.clock, service="toy")
        await feed(other, log, size)
        state, facts = await stored(other)
        results.append((state, sum(orjson.loads(body)["data"]["points_change"] for _, _, body in facts)))
        await other.close()
    newest = max(log, key=lambda e: e.order_key)
    expected, _, _ = fold_all(FOLDING, log, newest.time, KEY)
    assert results == [(expected, expected.worth)] * 4


async def test_all_late_inputs_of_a_batch_fold_the_customer_once(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await feed(db, [view(n, 100 + n) for n in range(50)], 500)
    applied: list[str] = []
    apply = ToyFolding.apply

    def counted(self: ToyFolding, state: Toy, event: Event[Any]) -> list[Effect]:
        applied.append(event.id)
        return apply(self, state, event)

    monkeypatch.setattr(ToyFolding, "apply", counted)
    late, fresh = [view(200 + n, 60 - n) for n in range(40)], [view(300 + n, 160 + n) for n in range(5)]
    async with db.transaction() as tx:
        mixed = [*late[:20], *fresh, *late[20:]]
        folded = await fold(tx, mixed)
        assert tx.late == 40
    assert len(applied) == 50 + 40 + 5, "once from the start, and the new ones behind"
    corrections = [step for step in folded.steps if step.correction]
    assert [(step.cause, step.at) for step in corrections] == [("/shops/shop/web#200", late[0].time)]
    assert {event.id for event in folded.events} == {event.id for event in mixed}


@pytest.mark.parametrize("at_once", [working.INPUTS_AT_ONCE, 8])
async def test_late_news_of_many_customers_is_read_together(
    db: Database, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """As many statements as for one, and the states of each customer alone; histories beyond `at_once` in groups."""
    monkeypatch.setattr(working, "INPUTS_AT_ONCE", at_once)
    names = [f"m{n}" for n in range(12)]
    said: list[str] = []
    listen(db.engine.sync_engine, "before_cursor_execute", lambda _, __, statement, *rest: said.append(statement))

    async def late(customers: Sequence[str], number: int) -> tuple[int, Folded[Toy]]:
        async with db.transaction() as tx:
            said.clear()
            folded = await fold(tx, [view(number, 2, customer) for customer in customers])
            return len(said), folded

    await feed(db, [view(n, 20 + n, customer) for customer in names for n in range(4)], 500)
    alone, _ = await late(names[:1], 100)
    together, folded = await late(names, 101)
    assert together == alone + (at_once == 8) * 6, "seven groups: who has 5 inputs, and then by twos who have 4"
    for customer in names:
        numbers = [(n, 20 + n) for n in range(4)] + [(100, 2)] * (customer == names[0]) + [(101, 2)]
        key, events = ("shop", customer), [view(n, hour, customer) for n, hour in numbers]
        expected, _, _ = fold_all(FOLDING, events, max(e.time for e in events), key)
        assert folded.states[key] == expected


async def test_a_long_fold_lets_the_event_loop_do_other_work(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Liveness, the API and Kafka's heartbeats go on while a customer with a long history is folded anew."""
    await feed(db, [view(n, 100 + n) for n in range(400)], 500)
    apply, applied = ToyFolding.apply, 0

    def slow(self: ToyFolding, state: Toy, event: Event[Any]) -> list[Effect]:
        nonlocal applied
        applied += 1
        time.sleep(0.001)
        return apply(self, state, event)

    monkeypatch.setattr(ToyFolding, "apply", slow)
    async with db.transaction() as tx:
        await tx.lock_customers([KEY])
        folding = asyncio.create_task(fold(tx, [view(999, 1)]))
        seen, longest = 0, 0
        while not folding.done():
            await asyncio.sleep(0)
            seen, longest = applied, max(longest, applied - seen)
        await folding
    assert applied == 401
    assert longest < 100, "no more than some ten milliseconds at once"


async def test_a_late_event_is_folded_in_where_it_belongs_and_corrects_once(db: Database) -> None:
    await feed(db, [view(1, 0), view(2, 20)], 10)
    async with db.transaction() as tx:
        folded = await fold(tx, [view(3, 5)])
        await tx.announce(folded.facts())
        assert tx.late == 1
    state, facts = await stored(db)
    assert state.trace == ["+1@0100:1", "+3@0105:2", "-1@0110", "-1@0115", "+2@0120:1"]
    assert len(facts) == 4  # two views, the fading of the first, one correction


async def test_a_sweep_does_what_fell_due_and_a_late_event_before_it_still_counts(db: Database) -> None:
    await feed(db, [view(1, 0)], 1)
    async with db.transaction() as tx:
        assert len((await fold_due(tx, FOLDING, [KEY], START + timedelta(hours=9))).steps) == 0
    async with db.transaction() as tx:
        assert len((await fold_due(tx, FOLDING, [KEY], START + timedelta(hours=10))).steps) == 1
    await feed(db, [view(2, 4)], 1)
    state, _ = await stored(db)
    assert state.trace == ["+1@0100:1", "+2@0104:2", "-1@0110"]
    assert state.ends == [START + timedelta(hours=14)]


async def test_what_is_announced_bears_a_running_revision_and_derived_ids(db: Database, database_from: Any) -> None:
    """Point 7: a replay makes the same ids."""
    await feed(db, [view(1, 0), view(2, 1)], 1)
    _, first = await stored(db)
    other = Database(await database_from(), clock=db.clock, service="toy")
    await feed(other, [view(1, 0), view(2, 1)], 2)
    _, second = await stored(other)
    await other.close()
    assert first == second
    assert ['"revision":1' in first[0][2], '"revision":2' in first[1][2]] == [True, True]

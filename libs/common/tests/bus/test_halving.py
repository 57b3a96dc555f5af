"""Failing parts of a batch are waited for, halved, or dead, by the kind of failure. The database is scripted."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
import sqlalchemy.exc

from common.bus import halving
from common.bus.broker import BrokerUnavailable, Position, Record
from common.bus.halving import Patience, handle
from common.bus.parts import Item, Part
from common.storage.failures import UnitOfWorkTooLong, is_temporary, is_too_slow, passes

P = Position("orders", 0)


def part(*offsets: int) -> Part:
    items = [Item(Record("orders", 0, n, b"shop/c", b"{}", {}, 0)) for n in offsets]
    return Part(items, {P: offsets[0]}, {P: offsets[-1] + 1})


class Database:
    """Takes parts; each entry of `fails` is raised once, `culprits` are raised for as long as they live."""

    def __init__(self, *fails: Exception, culprits: dict[int, Exception] | None = None, away: int = 0) -> None:
        self.fails, self.culprits, self.away = list(fails), culprits or {}, away
        self.done: list[tuple[int, ...]] = []
        self.dead: list[int] = []

    async def unit(self, part: Part) -> None:
        if self.fails:
            raise self.fails.pop(0)
        for item in part.items:
            if item.record.offset in self.culprits and item.dead is None:
                raise self.culprits[item.record.offset]
        self.done.append(tuple(i.record.offset for i in part.items))
        self.dead += [i.record.offset for i in part.items if i.dead]

    async def answers(self) -> None:
        if self.away:
            self.away -= 1
            raise ConnectionRefusedError("127.0.0.1:5432")


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Patience:
    monkeypatch.setattr(halving, "FIRST_WAIT_S", 0.0)
    return Patience(asyncio.Event())


def canceled() -> sqlalchemy.exc.DBAPIError:
    return sqlalchemy.exc.DBAPIError("select pg_sleep(60)", {}, asyncpg.QueryCanceledError("statement timeout"))


@pytest.mark.parametrize(
    "deadline", [UnitOfWorkTooLong(), canceled(), TimeoutError()], ids=["unit", "statement", "own"]
)
async def test_our_own_deadline_halves_at_once_and_one_record_alone_dies_of_it(
    patience: Patience, deadline: Exception
) -> None:
    """The whole would take as long again: only smaller work makes progress."""
    database = Database(culprits={2: deadline})
    await handle(part(0, 1, 2, 3), database.unit, database.answers, patience)
    assert database.done == [(0, 1), (2,), (3,)]
    assert database.dead == [2]


async def test_a_deadline_that_a_frozen_database_let_pass_kills_no_record(patience: Patience) -> None:
    database = Database(*[TimeoutError()] * 9, away=9)
    await handle(part(0, 1), database.unit, database.answers, patience)
    assert (database.done, database.dead) == ([(0, 1)], [])


async def test_what_is_away_is_waited_for_without_limit(patience: Patience) -> None:
    lost = asyncpg.ConnectionDoesNotExistError("gone"), BrokerUnavailable("gone"), ConnectionResetError("gone")
    database = Database(*lost * 5)
    await handle(part(0, 1), database.unit, database.answers, patience)
    assert (database.done, database.dead) == ([(0, 1)], [])


async def test_of_two_lanes_one_that_works_does_not_hide_what_the_other_waits_for(patience: Patience) -> None:
    waits, goes_on = asyncio.Event(), asyncio.Event()

    async def wait(seconds: float) -> None:
        waits.set()
        await goes_on.wait()

    patience.wait = wait  # type: ignore[method-assign]
    lost, sound = Database(ConnectionResetError("gone")), Database()
    other = asyncio.create_task(handle(part(0), lost.unit, lost.answers, patience))
    await waits.wait()
    await asyncio.create_task(handle(part(1), sound.unit, sound.answers, patience))
    assert patience.reason == "ConnectionResetError"
    goes_on.set()
    await other
    assert patience.reason is None


async def test_a_record_that_cannot_even_be_buried_pauses_and_says_so(patience: Patience) -> None:
    """No retry without a pause, and readiness shows it."""
    waits: list[float] = []

    async def unit(part: Part) -> None:
        raise ValueError("neither handled nor buried")

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 12:
            assert patience.reason == "ValueError"
            patience.stopping.set()

    patience.wait = wait  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="neither"):
        await handle(part(0), unit, Database().answers, patience)
    assert len(waits) == 12


@pytest.mark.parametrize(
    ("error", "temporary", "slow"),
    [
        (UnitOfWorkTooLong(), False, True),
        (canceled(), False, True),
        (TimeoutError(), True, True),
        (ConnectionRefusedError(), True, False),
        (asyncpg.InterfaceError("connection is closed"), True, False),
        (asyncpg.AdminShutdownError("57P01"), True, False),
        (asyncpg.DeadlockDetectedError("40P01"), True, False),
        (BrokerUnavailable("away"), True, False),
        (FileNotFoundError(2, "No such file", "templates/en/x.txt"), False, False),
        (asyncpg.DataError("value out of range"), False, False),
        (asyncpg.exceptions._base.DataError("invalid input for query argument $1"), False, False),
        (ValueError(), False, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_each_error_is_classified_in_one_place(error: Exception, temporary: bool, slow: bool) -> None:
    assert (is_temporary(error), is_too_slow(error)) == (temporary, slow)
    assert passes(error) == (temporary or slow)


async def test_what_was_too_slow_makes_the_next_batches_smaller_for_a_while(patience: Patience) -> None:
    """A late input has its customer folded whole: a thousand of them may never be done within the deadline."""
    sizes: list[int] = []

    async def unit(part: Part) -> None:
        sizes.append(len(part.items))
        if len(part.items) > 300:
            raise UnitOfWorkTooLong

    thousand = part(*range(1_000))
    await handle(thousand, unit, Database().answers, patience)
    assert sizes == [1_000, 500, 250, 250, 500, 250, 250], "each half learns for itself"
    sizes.clear()
    await handle(thousand, unit, Database().answers, patience)
    assert max(sizes) <= 350
    assert sum(n for n in sizes if n <= 300) == 1_000
    assert len([n for n in sizes if n > 300]) <= 1, "one try of more at the most"
    sizes.clear()

    async def quick(part: Part) -> None:
        sizes.append(len(part.items))

    for _ in range(20):
        await handle(thousand, quick, Database().answers, patience)
    assert sizes[-1] == 1_000, "the largest is tried again"


async def test_pieces_of_a_poll_follow_one_another_without_a_gap(patience: Patience) -> None:
    patience.too_slow(6)
    database = Database()
    await handle(part(*range(8)), database.unit, database.answers, patience)
    assert [offset for piece in database.done for offset in piece] == list(range(8))
    assert len(database.done) == 2

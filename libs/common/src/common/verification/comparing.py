"""Rows compared with what topics say, both ways, while the service may be running."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence

from common.bus import offsets
from common.verification.erased import list_erased, without_erased
from common.verification.expected import Expectation, Expectations, Expected
from common.verification.log import Log
from common.verification.run import Verification
from common.verification.tables import Row, Rows

LOOKS = 3
"""A row that changes all the time is looked at so often again, each time after the log was read on."""
SUSPECTS = 10_000
"""More differing rows than these are no news that came meanwhile."""
IN_NO_TOPIC = "in no topic"
BROKEN = "a change begins with something else than was announced before"
Also = Callable[[], AsyncIterator[list[Expectation]]]


async def compare(
    run: Verification,
    topics: Sequence[str],
    expectations: Expected,
    tables: Sequence[Rows],
    missing: Mapping[str, str],
    also: Also | None = None,
    inputs: Sequence[str] = (),
    personal: Collection[str] = (),
) -> None:
    """Compare rows with what topics say; `expectations` gives those of one event, `also` those from elsewhere.

    `missing`: for each kind of name that a row must hold, the sentence about one that none holds. `inputs`: those of
    the topics that the service reads; what it has not read yet is not missed. `personal`: kinds of which an erasure
    removes the rows, those with shop and customer in their names: of who is erased by then none is expected.

    The log is read before the tables, so all that it says must be kept. What is kept but not as the log says may be
    newer: it is looked at again after the log was read on. A change must begin with what was announced before it.
    """
    async with run.database.transaction() as tx:
        read = {position: number for position, number in (await offsets.stored(tx)).items() if position.topic in inputs}
    if personal:
        expectations = without_erased(expectations, personal, await list_erased(run))
    log = Log(run, topics)

    async def listen() -> None:
        async for facts in log.read():
            for fact in facts:
                if fact.topic in inputs and fact.offset >= read.get(fact.position, 0):
                    expected.add(((expectation, fact.place) for expectation in expectations(fact.body)), binding=False)
            expected.add(
                (expectation, fact.place)
                for fact in facts
                if fact.topic not in inputs or fact.offset < read.get(fact.position, 0)
                for expectation in expectations(fact.body)
            )
        if also is not None:
            async for more in also():
                expected.add((expectation, IN_NO_TOPIC) for expectation in more)

    try:
        with Expectations(personal) as expected:
            await listen()
            expected.binding = False
            suspects = {table.name: await _compare(run, expected, table) for table in tables}
            # Who was erased while the log and the tables were read has no row to be missed any more.
            erased = await list_erased(run) if personal else set()
            for kind, sentence in missing.items():
                for place in expected.unseen(kind, erased):
                    run.differ(f"{sentence} (announced at {place})")
            for place in expected.broken():
                run.differ(f"{BROKEN} (announced at {place})")
            for _ in range(LOOKS):
                if any(suspects.values()):
                    await listen()
                    for table in tables:
                        suspects[table.name] = _differing(expected, await table.again(run, suspects[table.name]))
            for table in tables:
                for row in suspects[table.name]:
                    run.differ(_sentence(table, row))
    finally:
        await log.close()


async def _compare(run: Verification, expected: Expectations, table: Rows) -> list[Row]:
    suspects: list[Row] = []
    async for rows in table.pages(run):
        for row in _differing(expected, rows):
            if len(suspects) < SUSPECTS:
                suspects.append(row)
            else:
                run.differ(_sentence(table, row))
        run.count(table.what, len(rows))
    return suspects


def _differing(expected: Expectations, rows: Sequence[Row]) -> list[Row]:
    """The rows of which the log says something else, or nothing."""
    owners = [number for number, (_, kept) in enumerate(rows) for _ in kept]
    wrong = {owners[found] for found in expected.look([each for _, kept in rows for each in kept])}
    return [rows[number] for number in sorted(wrong)]


def _sentence(table: Rows, row: Row) -> str:
    return f"{'/'.join(map(str, row[0]))}: {table.name} keeps something else than was announced"

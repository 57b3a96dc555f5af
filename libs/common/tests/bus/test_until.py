"""A rebuild reads up to the offsets that it was told, exactly, in however many calls. On real servers."""

from __future__ import annotations

from common.bus import offsets
from common.bus.broker import Batch, Position, Record
from common.bus.parts import before

from .toy import Stand, tick


async def test_reading_ends_at_the_offset_and_goes_on_from_there(stand: Stand) -> None:
    """One partition, one poll: what lies beyond the end is not handled, and the position stays before it."""
    await stand.put(*[tick(n) for n in range(10)])
    ends = await stand.backlog._ends.ends([stand.topic])
    (of_ann,) = (p for p, end in ends.items() if end)
    for until, seen in ((7, 7), (7, 7), (10, 10)):
        reader = stand.another(until={**ends, of_ann: until})
        await reader.run()
        await reader.stop()
        assert await stand.rows() == [("c1", n) for n in range(seen)]
        async with stand.database.transaction() as tx:
            assert (await offsets.stored(tx))[of_ann] == until


def test_a_gap_before_the_end_moves_the_position_alone() -> None:
    """Compaction has taken the last records before the end: the next one stands beyond it."""
    place = Position("t", 0)
    polled = Batch([Record("t", 0, 12, None, b"", {}, 0)], {place: 5}, {place: 13}, 1)
    cut = before(polled, {place: 9})
    assert cut is not None
    assert (cut.records, cut.starts, cut.nexts) == ([], {place: 5}, {place: 9})
    assert before(polled, {place: 5}) is None

"""What a transaction announces is stored with what it follows from, or not at all."""

from __future__ import annotations

import pytest

from .toy import Stand, tick


async def test_a_fact_is_stored_by_the_very_transaction_whose_news_it_tells(stand: Stand) -> None:
    """A service that is killed between two would have the one without the other, for ever."""
    async with stand.database.transaction() as tx:
        await tx.copy("ticks", ("customer", "n"), [("c1", 1)])
        await tx.announce([tick(1)])
    assert await stand.rows("select o.id from outbox o join ticks t on o.xmin = t.xmin") == [("e1",)]


async def test_of_a_transaction_that_fails_no_fact_is_stored(stand: Stand) -> None:
    async def fail() -> None:
        async with stand.database.transaction() as tx:
            await tx.announce([tick(1)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await stand.rows("select id from outbox") == []

"""Facts sent again: a cursor in the database that the relay moves from the oldest fact kept to the newest of then.

Nothing is marked for it, so a million facts cost one row; a kill of the command or of the relay loses no place. The
consumers' claims make the repeats harmless. New facts wait meanwhile: sent between, they would overtake older ones of
their customer in a topic that had lost those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.storage.database import Transaction


@dataclass(frozen=True, slots=True)
class Progress:
    """Facts from `first` to `upto` are sent again, of which those up to `done` are; numbers of `seq`."""

    first: int
    done: int
    upto: int

    @property
    def sent(self) -> int:
        return self.done - self.first + 1

    @property
    def all(self) -> int:
        return self.upto - self.first + 1


async def begin(tx: Transaction) -> Progress | None:
    """Have all facts that the outbox holds sent again; what is under way goes on where it stands. None: it holds none.

    Those that Kafka refused are tried again too.
    """
    # The few that were refused, by their own index.
    await tx.execute("update outbox set refused = null where refused is not null")
    # By primary key of each partition. One that is under way is locked, so that it does not end before it was seen.
    row = await tx.fetch_one(
        """
        insert into republishing as r (first, done, upto)
        select first, first - 1, last
        from (select (select min(seq) from outbox) as first, (select max(seq) from outbox) as last) as bounds
        where first is not null
        on conflict (single) do update set upto = r.upto
        returning first, done, upto
        """
    )
    await tx.wake_relay()
    return Progress(row.first, row.done, row.upto) if row is not None else None


async def progress(tx: Transaction) -> Progress | None:
    """How far it is; None when nothing is being sent again."""
    row = await tx.fetch_one(_PROGRESS)
    return Progress(row.first, row.done, row.upto) if row is not None else None


async def under_way(connection: AsyncConnection) -> Progress | None:
    """The same, on the relay's session."""
    row = (await connection.execute(text(_PROGRESS))).fetchone()
    return Progress(row.first, row.done, row.upto) if row is not None else None


async def advance(connection: AsyncConnection, done: int, later: Sequence[Any]) -> None:
    """Move the cursor; `later` are facts before it that were not sent, and wait like new ones."""
    if later:
        await connection.execute(
            text("update outbox set published_at = null where slot = any(:slots) and seq = any(:seqs)"),
            {"slots": sorted({row.slot for row in later}), "seqs": [row.seq for row in later]},
        )
    await connection.execute(text("update republishing set done = :done"), {"done": done})


async def end(connection: AsyncConnection, sent: Progress) -> None:
    """All of it is sent; one that was begun meanwhile goes on."""
    await connection.execute(text("delete from republishing where upto = :upto"), {"upto": sent.upto})


_PROGRESS = "select first, done, upto from republishing"
SENT_AGAIN = "seq > :done and seq <= :upto and refused is null"
"""Facts after the cursor, with `done` and `upto` of the progress."""

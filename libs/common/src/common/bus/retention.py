"""What is kept of what went through the bus, and for how long: facts, claims, bodies of dead events.

A fact may go some days after its publication: nothing reads the outbox as a record. A claim must outlive every way in
which a repeat can come (docs/operating.md lists them with their times). A dead event that was sent again keeps its row,
which says that its place in the log is accounted for, and loses its body.
"""

from __future__ import annotations

from datetime import timedelta

from common.storage.database import Transaction

SLOTS = 16
"""Partitions of the outbox, one a day in turn (0001_common.sql): each must be empty when its day comes again."""
MOST_DAYS = SLOTS - 2
ROWS = 5_000
"""So many rows are deleted in one transaction."""
_LOCK = 7_301_002


async def hold(tx: Transaction) -> bool:
    """Whether this transaction alone prunes; another process that does so is not waited for."""
    return bool(await tx.value("select pg_try_advisory_xact_lock(:key)", key=_LOCK))


async def slots_to_empty(tx: Transaction, keep: timedelta) -> list[int]:
    """The partitions of the outbox whose newest fact was published longer ago than `keep`; not while facts are sent
    again."""
    if await tx.value("select exists (select from republishing)"):
        return []
    return [slot for slot in range(SLOTS) if await _is_past(tx, slot, keep)]


async def empty_slot(tx: Transaction, slot: int, keep: timedelta) -> bool:
    """Empty one of these partitions whole, if all of its facts are published; whether it was.

    Writers write to the partition of today and wait for nothing here; who reads waits as long as this waits for its
    lock, half a second. Raises what is temporary when the lock is not had by then.
    """
    await tx.execute("set local lock_timeout = '500ms'")
    await tx.execute(f"lock table outbox_{slot} in access exclusive mode")
    # Looked at again under the lock: a fact that came or was put back meanwhile stays.
    if await _holds_unpublished(tx, slot) or not await _is_past(tx, slot, keep):
        return False
    await tx.execute(f"truncate outbox_{slot}")
    return True


async def delete_published(tx: Transaction, keep: timedelta, slot: int) -> int:
    """Delete some published facts of a partition that one which is not published keeps; how many."""
    return await tx.execute(
        f"""
        delete from outbox_{slot} where seq = any(array(
            select seq from outbox_{slot} where published_at < now() - cast(:keep as interval) limit :rows
        ))
        """,
        keep=keep,
        rows=ROWS,
    )


async def _holds_unpublished(tx: Transaction, slot: int) -> bool:
    # By the indexes of what waits and of what was refused.
    return bool(
        await tx.value(
            f"""
            select exists (select from outbox_{slot} where published_at is null and refused is null)
                or exists (select from outbox_{slot} where refused is not null)
            """
        )
    )


async def _is_past(tx: Transaction, slot: int, keep: timedelta) -> bool:
    """Whether the partition's newest fact was published, or came without being published, so long ago."""
    # By primary key, one row.
    return bool(
        await tx.value(
            f"""
            select coalesce(published_at, recorded_at) < now() - cast(:keep as interval)
            from outbox_{slot} order by seq desc limit 1
            """,
            keep=keep,
        )
    )


async def forget_claims(tx: Transaction, keep: timedelta) -> int:
    """Delete some claims older than `keep`; how many. From when on they are gone is noted, for good."""
    # By the index over the time of recording.
    deleted = await tx.execute(
        """
        delete from inbox where key = any(array(
            select key from inbox where recorded_at < now() - cast(:keep as interval) order by recorded_at limit :rows
        ))
        """,
        keep=keep,
        rows=ROWS,
    )
    if deleted:
        await tx.execute(
            """
            insert into forgotten (before) values (now() - cast(:keep as interval))
            on conflict (single) do update set before = greatest(forgotten.before, excluded.before)
            """,
            keep=keep,
        )
    return deleted


async def forget_bodies(tx: Transaction, keep: timedelta) -> int:
    """Remove the bodies of some dead events that were sent again longer ago than `keep`; how many."""
    # By their own index.
    return await tx.execute(
        """
        update dead_events set body = null where dead_id = any(array(
            select dead_id from dead_events
            where body is not null and resent_at < now() - cast(:keep as interval) limit :rows
        ))
        """,
        keep=keep,
        rows=ROWS,
    )

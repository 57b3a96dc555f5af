"""Whether `regulars backup --continuous` keeps its archives complete: a service sees it though the backup is dead."""

from __future__ import annotations

from typing import NamedTuple

from common.storage.transaction import Transaction

PREFIX = "regulars_backup_"
"""Of the names of its replication slots, one an archive."""
COMPLETE = 482_117_003
"""The command holds the advisory lock (this, `hashtext` of its slot's name) while all is in its archive."""


class Backups(NamedTuple):
    """Of all archives: how many are `incomplete`; the `bytes` of its log that PostgreSQL keeps for one at the most."""

    incomplete: int
    bytes: float


async def look_at_backups(tx: Transaction) -> Backups:
    """By the server's own views, which every role may read; nothing where there is no archive.

    One is incomplete whose slot nobody reads or has lost part of the log, and whose command does not say that all is
    there: topics too, and a base backup that is not overdue.
    """
    row = await tx.fetch_one(
        """
        select count(*) filter (where not s.active or s.wal_status = 'lost' or l.held is null) as incomplete,
               coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)), 0)::float8 as kept
        from pg_replication_slots s left join lateral (
            select true as held from pg_locks
            where locktype = 'advisory' and granted and objsubid = 2 and classid = cast(:space as oid)
              and objid = cast(hashtext(cast(s.slot_name as text)) as oid)
            limit 1
        ) l on true
        where starts_with(s.slot_name, :prefix)
        """,
        prefix=PREFIX,
        space=COMPLETE,
    )
    assert row is not None  # an aggregate has a row
    return Backups(row.incomplete, max(0.0, row.kept))

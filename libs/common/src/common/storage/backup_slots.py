"""What PostgreSQL keeps of its log for `regulars backup --continuous`: a service sees it though the backup is dead."""

from __future__ import annotations

from typing import NamedTuple

from common.storage.transaction import Transaction

PREFIX = "regulars_backup_"
"""Of the names of its replication slots, one an archive."""


class Kept(NamedTuple):
    """Of all archives: `unread` slots that nobody reads now, or that lost part of the log; `bytes` kept at the most."""

    unread: int
    bytes: float


async def kept_for_backups(tx: Transaction) -> Kept:
    """By the server's own view, which every role may read; nothing where there is no archive."""
    row = await tx.fetch_one(
        """
        select count(*) filter (where not active or wal_status = 'lost') as unread,
               coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)), 0)::float8 as kept
        from pg_replication_slots where starts_with(slot_name, :prefix)
        """,
        prefix=PREFIX,
    )
    assert row is not None  # an aggregate has a row
    return Kept(row.unread, max(0.0, row.kept))

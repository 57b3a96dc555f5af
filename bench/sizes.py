"""What a service keeps of an event, in bytes of its tables with their indexes."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from common.storage.migrate import driver_url

GOES = "outbox"
"""Emptied some days after publication; every other table is kept, or for so long that it counts."""


async def bytes_an_event(url: str, events: int) -> Mapping[str, float]:
    """By table, the largest first, all partitions of one together; tables without rows are left out."""
    connection = await asyncpg.connect(driver_url(url))
    try:
        rows = await connection.fetch(
            """
            select coalesce(cast(inhparent as regclass), cast(oid as regclass))::text as name,
                   sum(pg_total_relation_size(oid)) as size
            from pg_class left join pg_inherits on inhrelid = oid
            where relnamespace = 'public'::regnamespace and relkind = 'r' and pg_relation_size(oid) > 0
            group by 1 order by 2 desc
            """
        )
    finally:
        await connection.close()
    return {row["name"]: int(row["size"]) / events for row in rows}

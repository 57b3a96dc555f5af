"""SQL of visits: one count for each hour, source and way of counting; the newest counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from common.events import Event
from common.events.activity import VisitsCounted
from common.storage.columns import Columns
from common.storage.database import Transaction


class CountRow(NamedTuple):
    """One count; `said_by` and `event_id` name the event that said so."""

    shop: str
    hour: datetime
    source: str
    counted_by: str
    visits: int
    revision: int
    said_by: str
    event_id: str

    @property
    def rank(self) -> tuple[int, str, str]:
        return self.revision, self.said_by, self.event_id


COUNTS = Columns(
    "n",
    shop="text",
    hour="timestamptz",
    source="text",
    counted_by="text",
    visits="bigint",
    revision="bigint",
    said_by="text",
    event_id="text",
)


async def save_counts(tx: Transaction, counts: Iterable[Event[VisitsCounted]]) -> None:
    """Keep the newest count of each hour, source and way of counting. Idempotent, in any order."""
    newest: dict[tuple[str, datetime, str, str], CountRow] = {}
    for row in map(_row, counts):
        kept = newest.get(row[:4])
        if kept is None or row.rank > kept.rank:
            newest[row[:4]] = row
    if newest:
        # The primary key closes the race of two first counts of an hour.
        await tx.execute(
            f"""
            insert into visits as v (shop, hour, source, counted_by, visits, revision, said_by, event_id)
            select * from {COUNTS}
            on conflict (shop, hour, source, counted_by) do update set
                visits = excluded.visits, revision = excluded.revision, said_by = excluded.said_by,
                event_id = excluded.event_id
            where (excluded.revision, excluded.said_by collate "C", excluded.event_id collate "C")
                > (v.revision, v.said_by collate "C", v.event_id collate "C")
            """,
            **COUNTS.of(newest[key] for key in sorted(newest)),
        )


def _row(event: Event[VisitsCounted]) -> CountRow:
    data = event.data
    return CountRow(
        event.shop, data.hour, data.source, data.counted_by, data.visits, data.revision, event.source, event.id
    )


async def list_visits(
    tx: Transaction, shop: str, since: datetime, until: datetime, zone: str, by: str
) -> Sequence[Any]:
    """Visits from `since` until before `until`: of each hour, or day of the zone, by source and way of counting."""
    # By primary key, which begins with shop and hour.
    return await tx.fetch(
        """
        select date_trunc(:by, hour, :zone) as since, source, counted_by, sum(visits) as visits
        from visits where shop = :shop and hour >= :since and hour < :until
        group by 1, 2, 3 order by 1, 2, 3
        """,
        shop=shop,
        since=since,
        until=until,
        zone=zone,
        by=by,
    )

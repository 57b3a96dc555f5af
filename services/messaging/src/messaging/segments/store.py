"""Segments that the shop defined, by their newest versions."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from common.events import Event
from common.events.segments import SegmentDefined
from common.storage.columns import Columns
from common.storage.database import Transaction

_DEFINED = Columns("n", shop="text", segment="text", version="integer", archived="boolean")


async def save_segments(tx: Transaction, events: Iterable[Event[SegmentDefined]]) -> None:
    """Keep the newest version of each segment, in whatever order they come."""
    newest: dict[tuple[str, str], tuple[int, bool]] = {}
    for e in events:
        key, said = (e.shop, e.data.segment), (e.data.version, e.data.archived)
        newest[key] = max(newest.get(key, said), said)
    if not newest:
        return
    # By primary key.
    await tx.execute(
        f"""
        insert into defined_segments as d (shop, segment, version, archived)
        select * from {_DEFINED}
        on conflict (shop, segment) do update set version = excluded.version, archived = excluded.archived
        where d.version < excluded.version
        """,
        **_DEFINED.of((*key, *said) for key, said in sorted(newest.items())),
    )


async def get_known(tx: Transaction, shop: str, asked: Collection[str]) -> set[str]:
    """The shop's segments: those that are defined, and of those asked for the ones that somebody was ever in."""
    if not asked:
        return set()
    # By primary key, and by the index of audiences.
    rows = await tx.fetch(
        """
        select segment from defined_segments where shop = :shop and not archived
        union
        select a.segment from unnest(cast(:asked as text[])) as a(segment)
        where not exists (select from defined_segments d where d.shop = :shop and d.segment = a.segment)
            and exists (
                select from standings s
                where s.shop = :shop and s.subject = left('segment.' || a.segment, 200)
                    and s.subject not in ('orders', 'points')
            )
        """,
        shop=shop,
        asked=sorted(asked),
    )
    return {r.segment for r in rows}

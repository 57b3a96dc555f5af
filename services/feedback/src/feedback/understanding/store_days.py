"""What texts say, counted by day: a period of years costs its days, and not its texts.

Whatever reads a text, or forgets one, marks its day in the same transaction; a job counts marked days anew once none of
their texts waits to be read. Until then they are counted from the readings, so that the figures are always true.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row

from common.storage.columns import Columns
from common.storage.database import Transaction
from feedback.understanding.issues import Counted
from feedback.understanding.periods import Span, parts, span_of, whole_days
from feedback.understanding.state import READABLE, READING_JOB, SIGNALS, Signal

MOST_DAYS = 20
"""Counted in one transaction."""
_MARKS = Columns("n", shop="text", day="date")
_FIGURES = ("texts", "liked", "disliked", "surpassed", "disappointed", "stars_sum", "stars_count")
_COUNT = """
    with r as (
        select r.* from unnest(cast(:begins as timestamptz[]), cast(:ends as timestamptz[])) as p(begins_at, ends_at)
        join readings r on r.shop = :shop and r.at >= p.begins_at and r.at < p.ends_at and r.reader is not null
    )
    select 'all' as kind, '' as name, count(*) as texts, count(*) filter (where r.sentiment = 1) as liked,
           count(*) filter (where r.sentiment = -1) as disliked,
           count(*) filter (where r.expectation = 1) as surpassed,
           count(*) filter (where r.expectation = -1) as disappointed,
           coalesce(sum(r.stars), 0) as stars_sum, count(r.stars) as stars_count
    from r having count(*) > 0
    union all
    select 'topic', t.topic, count(*), count(*) filter (where t.how = 1), count(*) filter (where t.how = -1),
           0, 0, coalesce(sum(r.stars), 0), count(r.stars)
    from r cross join lateral (
        select unnest(r.liked) as topic, 1 as how
        union all select unnest(r.mentioned), 0
        union all select unnest(r.disliked), -1
    ) t group by t.topic
    union all
    select 'signal', s.signal, count(*), 0, 0, 0, 0, 0, 0
    from r cross join lateral unnest(r.signals) as s(signal) group by s.signal
"""
"""Of the shop's texts within some spans: all together, by topic, by signal."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a period. `liked` and `disliked` of `all` are texts that speak well or ill as a whole."""

    texts: int = 0
    liked: int = 0
    disliked: int = 0
    surpassed: int = 0
    disappointed: int = 0
    stars_sum: int = 0
    stars_count: int = 0

    def plus(self, row: Row[Any]) -> Figures:
        return Figures(*(getattr(self, name) + int(getattr(row, name)) for name in _FIGURES))


@dataclass(frozen=True, slots=True)
class Said:
    """All that was said within a period, and by topic and signal."""

    all: Figures
    topics: dict[str, Counted]
    signals: dict[Signal, int]


async def mark(tx: Transaction, days: Iterable[tuple[str, date]]) -> None:
    """These days' counts are true no more; said in the transaction that changes readings, after it did.

    The row is locked whether it is new or not: who counts the day meanwhile either sees the change, or leaves the mark.
    """
    wanted = sorted(set(days))
    if wanted:
        await tx.execute(
            f"""
            insert into said_marks as m (shop, day) select shop, day from {_MARKS} order by shop, day
            on conflict (shop, day) do update set day = excluded.day
            """,
            **_MARKS.of(wanted),
        )


async def count(tx: Transaction, shop: str, since: datetime, until: datetime) -> Said:
    """What was said from `since` to `until` (exclusive): kept counts of whole days, and the rest from the readings."""
    days = whole_days(since, until)
    # By primary key.
    rows = await tx.fetch(
        "select day from said_marks where shop = :shop and day >= :first and day <= :last",
        shop=shop,
        first=min(days, default=since.date()),
        last=max(days, default=since.date()),
    )
    split = parts(since, until, {row.day for row in rows})
    found: list[Row[Any]] = []
    if split.days:
        sums = ", ".join(f"sum({name}) as {name}" for name in _FIGURES)
        found += await tx.fetch(
            f"""
            select kind, name, {sums} from said_days
            where shop = :shop and day = any(cast(:days as date[])) group by kind, name
            """,
            shop=shop,
            days=list(split.days),
        )
    if split.rest:
        found += await _count(tx, shop, split.rest)
    return said_of(found)


def said_of(rows: Iterable[Row[Any]]) -> Said:
    """Rows of kind, name and figures, added up."""
    sums: dict[tuple[str, str], Figures] = {}
    for row in rows:
        sums[row.kind, row.name] = sums.get((row.kind, row.name), Figures()).plus(row)
    return Said(
        sums.get(("all", ""), Figures()),
        {
            name: Counted(f.texts, f.liked, f.disliked, f.stars_sum, f.stars_count)
            for (kind, name), f in sums.items()
            if kind == "topic"
        },
        {signal: sums["signal", signal].texts for signal in SIGNALS if ("signal", signal) in sums},
    )


async def count_marked(tx: Transaction, now: datetime, limit: int) -> int:
    """Count marked days anew, of which no text waits to be read; how many."""
    rows = await tx.fetch(
        f"""
        select m.shop, m.day from said_marks m where {_COUNTABLE}
        order by m.shop, m.day limit :limit for update of m skip locked
        """,
        limit=min(limit, MOST_DAYS),
        job=READING_JOB,
    )
    for row in rows:
        of_day = {"shop": row.shop, "day": row.day}
        await tx.execute("delete from said_marks where shop = :shop and day = :day", **of_day)
        await tx.execute("delete from said_days where shop = :shop and day = :day", **of_day)
        begin, end = span_of(row.day)
        await tx.execute(
            f"""
            insert into said_days (shop, day, kind, name, {", ".join(_FIGURES)})
            select cast(:shop as text), cast(:day as date), kind, name, {", ".join(_FIGURES)}
            from ({_COUNT}) c
            """,
            **of_day,
            begins=[begin],
            ends=[end],
        )
    return len(rows)


async def count_countable(tx: Transaction) -> int:
    """Days that are to be counted anew now."""
    query = f"select count(*) from said_marks m where {_COUNTABLE}"
    return int(await tx.value(query, job=READING_JOB))


async def list_days(tx: Transaction) -> Sequence[Row[Any]]:
    """(shop, day) of all days that are counted."""
    return await tx.fetch("select distinct shop, day from said_days order by shop, day")


async def differs(tx: Transaction, shop: str, day: date) -> bool:
    """Whether a day that is not marked was counted otherwise than its readings say now."""
    if await tx.fetch_one("select 1 from said_marks where shop = :shop and day = :day", shop=shop, day=day):
        return False
    columns = f"kind, name, {', '.join(_FIGURES)}"
    kept = await tx.fetch(f"select {columns} from said_days where shop = :shop and day = :day", shop=shop, day=day)
    return said_of(kept) != said_of(await _count(tx, shop, [span_of(day)]))


async def _count(tx: Transaction, shop: str, spans: Sequence[Span]) -> Sequence[Row[Any]]:
    return await tx.fetch(_COUNT, shop=shop, begins=[span[0] for span in spans], ends=[span[1] for span in spans])


_COUNTABLE = f"""
    not exists (
        select from readings r join customer_keys k on k.shop = r.shop and k.customer = r.customer
        where r.shop = m.shop and r.at >= cast(m.day as timestamp) at time zone 'UTC'
          and r.at < cast(m.day + 1 as timestamp) at time zone 'UTC' and {READABLE}
    )
"""
"""While texts of a day are read, one after the other, it is not counted after each."""

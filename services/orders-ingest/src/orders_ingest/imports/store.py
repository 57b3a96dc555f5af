"""SQL of imports: what is left to take of staged files, how far each job is, and what was refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from common.storage.database import Transaction


def staged_place(shop: str, job_id: str, line: int, part: int) -> str:
    """What a staged row's body is sealed to."""
    return f"import-row:{shop}:{job_id}:{line}:{part}"


class StagedRow(NamedTuple):
    """One event of a file; `body` is the event as JSON, sealed; `original` names what the file says (body_hash).

    Order of taking: (at, line, part).
    """

    shop: str
    job_id: str
    at: datetime
    line: int
    part: int
    original: bytes
    body: bytes

    @property
    def place(self) -> str:
        """What its body is sealed to."""
        return staged_place(self.shop, self.job_id, self.line, self.part)


class Job(NamedTuple):
    shop: str
    job_id: str


class Progress(NamedTuple):
    accepted: int
    duplicates: int
    refused: int


async def insert_job(
    tx: Transaction,
    shop: str,
    layout: str,
    name: str,
    findings: str,
    asked: str,
    mends: str | None,
    upload: tuple[str, int] | None = None,
) -> str:
    """A new job, named <name>-1, -2 and so on; the lock closes the race of two uploads of one shop.

    `upload`: id and size of the file that is yet to be read.
    """
    await tx.fetch("select pg_advisory_xact_lock(hashtextextended('import:' || :shop, 0))", shop=shop)
    # The next number among the shop's jobs of that name.
    count = await tx.value("select count(*) from import_jobs where shop = :shop and name = :name", shop=shop, name=name)
    job_id = f"{name}-{count + 1}"
    await tx.execute(
        """
        insert into import_jobs (shop, job_id, layout, name, state, findings, asked, mends, upload_id, size, read)
        values (:shop, :job_id, :layout, :name, :state, cast(:findings as jsonb), cast(:asked as jsonb), :mends,
                :upload_id, :size, :read)
        """,
        state="staged" if upload is None else "reading",
        upload_id=None if upload is None else upload[0],
        size=None if upload is None else upload[1],
        read=None if upload is None else 0,
        shop=shop,
        job_id=job_id,
        layout=layout,
        name=name,
        findings=findings,
        asked=asked,
        mends=mends,
    )
    return job_id


async def insert_rows(tx: Transaction, rows: Sequence[StagedRow]) -> None:
    await tx.copy("import_rows", StagedRow._fields, rows)


async def save_staged(tx: Transaction, job: Job, staged: int, refused: int) -> None:
    await tx.execute(
        "update import_jobs set staged = :staged, refused = :refused where shop = :shop and job_id = :job_id",
        staged=staged,
        refused=refused,
        shop=job.shop,
        job_id=job.job_id,
    )


async def get_mending(tx: Transaction, job: Job) -> str | None:
    """The source's name, of a job that brings refused lines again; None of another one."""
    # By primary key.
    found: str | None = await tx.value(
        "select name from import_jobs where shop = :shop and job_id = :job_id and mends is not null", **job._asdict()
    )
    return found


async def lock_next_job(tx: Transaction, now: datetime) -> Job | None:
    """The oldest job with something to do: a row whose time has come, or nothing left. Another process's is skipped."""
    row = await tx.fetch_one(
        """
        select j.shop, j.job_id from import_jobs j
        where j.state in ('staged', 'running')
          and (exists (select 1 from import_rows r where r.shop = j.shop and r.job_id = j.job_id and r.at <= :now)
               or not exists (select 1 from import_rows r where r.shop = j.shop and r.job_id = j.job_id))
        order by j.created_at, j.job_id limit 1
        for update skip locked
        """,
        now=now,
    )
    return None if row is None else Job(row.shop, row.job_id)


async def begin(tx: Transaction, job: Job) -> int | None:
    """Mark the job as under way; returns the rows done so far, None where it was so already."""
    # By primary key.
    row = await tx.fetch_one(
        """
        update import_jobs set under_way = true where shop = :shop and job_id = :job_id and not under_way
        returning accepted + duplicates + refused as done
        """,
        **job._asdict(),
    )
    return None if row is None else int(row.done)


async def pause(tx: Transaction, job: Job) -> int | None:
    """Mark the job as not under way; returns the rows done so far, None where it was so already, or has rows due."""
    # By primary keys; rows lie in order of their time.
    row = await tx.fetch_one(
        """
        update import_jobs j set under_way = false where shop = :shop and job_id = :job_id and under_way
          and not exists (select from import_rows r where r.shop = j.shop and r.job_id = j.job_id and r.at <= :now)
        returning accepted + duplicates + refused as done
        """,
        now=tx.clock.now(),
        **job._asdict(),
    )
    return None if row is None else int(row.done)


async def take_rows(tx: Transaction, job: Job, now: datetime, limit: int) -> list[StagedRow]:
    """The next rows whose time has come, removed: they are taken in the same transaction, or are there again."""
    # By their place in the table, found once: a join by key may look at all of the job's rows for each of them. Whoever
    # holds the job's lock is alone with its rows.
    rows = await tx.fetch(
        """
        delete from import_rows
        where ctid = any(array(
            select ctid from import_rows
            where shop = :shop and job_id = :job_id and at <= :now
            order by at, line, part limit :limit
        ))
        returning shop, job_id, at, line, part, original, body
        """,
        shop=job.shop,
        job_id=job.job_id,
        now=now,
        limit=limit,
    )
    found = [StagedRow(r.shop, r.job_id, r.at, r.line, r.part, bytes(r.original), bytes(r.body)) for r in rows]
    return sorted(found, key=lambda r: (r.at, r.line, r.part))


async def save_progress(tx: Transaction, job: Job, progress: Progress) -> None:
    """Add to the job's counts; it is done when no row is left."""
    await tx.execute(
        """
        update import_jobs j set
            accepted = accepted + :accepted, duplicates = duplicates + :duplicates, refused = refused + :refused,
            state = case when left_over.any then 'running' else 'done' end,
            finished_at = case when left_over.any then null else now() end
        from (select exists (select 1 from import_rows where shop = :shop and job_id = :job_id)) as left_over("any")
        where j.shop = :shop and j.job_id = :job_id
        """,
        shop=job.shop,
        job_id=job.job_id,
        **progress._asdict(),
    )


async def count_shop_rows(tx: Transaction, shop: str, now: datetime) -> int:
    """Rows of the shop's files whose time has come and that were not taken yet."""
    # Few jobs are open at any time.
    return int(await tx.value("select count(*) from import_rows where shop = :shop and at <= :now", shop=shop, now=now))


async def count_due(tx: Transaction, now: datetime) -> int:
    """Rows whose time has come and that were not taken yet."""
    return int(await tx.value("select count(*) from import_rows where at <= :now", now=now))


async def outbox_is_full(tx: Transaction, limit: int) -> bool:
    """Whether more than `limit` facts wait for the relay; imports then wait too, so that live events do not."""
    count = await tx.value(
        """
        select count(*) from (
            select 1 from outbox where published_at is null and refused is null limit :most
        ) as waiting
        """,
        most=limit + 1,
    )
    return int(count) > limit


async def get_job(tx: Transaction, shop: str, job_id: str) -> dict[str, Any] | None:
    """The job and its counts; None where the shop has none of that name."""
    row = await tx.fetch_one(
        """
        select job_id as id, layout, name, state, detail, size, read, staged, accepted, duplicates, refused, findings,
               asked, mends, created_at, finished_at
        from import_jobs where shop = :shop and job_id = :job_id
        """,
        shop=shop,
        job_id=job_id,
    )
    return None if row is None else dict(row._mapping)


async def list_jobs(tx: Transaction, shop: str) -> list[dict[str, Any]]:
    # The shop's latest jobs, newest first.
    rows = await tx.fetch(
        """
        select job_id as id, layout, name, state, size, read, staged, accepted, duplicates, refused, mends, created_at,
               finished_at
        from import_jobs where shop = :shop order by created_at desc, job_id desc limit 100
        """,
        shop=shop,
    )
    return [dict(r._mapping) for r in rows]


async def put_columns(tx: Transaction, shop: str, name: str, columns: Mapping[str, str]) -> None:
    """Remember which columns the shop has corrected for files of this source."""
    await tx.execute(
        """
        insert into settings (shop, key, value) values (:shop, :key, cast(:value as jsonb))
        on conflict (shop, key) do update set value = excluded.value
        """,
        shop=shop,
        key=f"import.columns.{name}",
        value=orjson.dumps(columns).decode(),
    )


async def get_columns(tx: Transaction, shop: str, name: str) -> dict[str, str]:
    """As `put_columns` took them; none where nothing was corrected."""
    found = await tx.value(
        "select value from settings where shop = :shop and key = :key", shop=shop, key=f"import.columns.{name}"
    )
    return dict(found or {})

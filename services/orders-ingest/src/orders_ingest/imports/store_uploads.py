"""SQL of files that are sent in parts: which parts are there, and how far the reading of one is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from common.storage.database import Transaction
from orders_ingest.imports.store import Job

KEPT = timedelta(days=7)
"""After its last part an upload that nobody imports, or whose import failed, is removed."""
BITE = 8
"""Parts that are removed at a time: of each, megabytes."""


class Upload(NamedTuple):
    """A file being sent; `job_id`: the import of it, whose state is `state`."""

    shop: str
    upload_id: str
    size: int
    job_id: str | None
    state: str | None


_FOUND = """
select u.shop, u.upload_id, u.size, u.job_id, j.state from import_uploads u
left join import_jobs j on j.shop = u.shop and j.job_id = u.job_id
where u.shop = :shop and u.upload_id = :upload_id
"""


async def get_upload(tx: Transaction, shop: str, upload_id: str) -> Upload | None:
    row = await tx.fetch_one(_FOUND, shop=shop, upload_id=upload_id)
    return None if row is None else Upload(**row._mapping)


async def lock_upload(tx: Transaction, shop: str, upload_id: str) -> Upload | None:
    """As `get_upload`; nobody else changes it meanwhile."""
    row = await tx.fetch_one(_FOUND + " for update of u", shop=shop, upload_id=upload_id)
    return None if row is None else Upload(**row._mapping)


async def lock_shop(tx: Transaction, shop: str) -> None:
    """The lock closes the race of two uploads for the shop's last room."""
    await tx.fetch("select pg_advisory_xact_lock(hashtextextended('upload:' || :shop, 0))", shop=shop)


async def sum_open(tx: Transaction, shop: str) -> int:
    """Bytes of the shop's files that are being sent, or wait to be read."""
    # Few uploads a shop.
    return int(
        await tx.value(
            """
            select coalesce(sum(u.size), 0) from import_uploads u
            left join import_jobs j on j.shop = u.shop and j.job_id = u.job_id
            where u.shop = :shop and (u.job_id is null or j.state in ('reading', 'failed'))
            """,
            shop=shop,
        )
    )


async def insert_upload(tx: Transaction, shop: str, upload_id: str, size: int) -> None:
    await tx.execute(
        "insert into import_uploads (shop, upload_id, size) values (:shop, :upload_id, :size)",
        shop=shop,
        upload_id=upload_id,
        size=size,
    )


async def delete_upload(tx: Transaction, shop: str, upload_id: str) -> None:
    """Forget it; its parts are removed by `prune`."""
    await tx.execute(
        "delete from import_uploads where shop = :shop and upload_id = :upload_id", shop=shop, upload_id=upload_id
    )


async def insert_part(tx: Transaction, upload: Upload, number: int, hash_: bytes, body: bytes) -> bool:
    """Whether the part is there as given; False where another one has its number."""
    found = await tx.fetch_one(
        """
        insert into import_parts (shop, upload_id, number, hash, body)
        values (:shop, :upload_id, :number, :hash, :body) on conflict do nothing returning true
        """,
        shop=upload.shop,
        upload_id=upload.upload_id,
        number=number,
        hash=hash_,
        body=body,
    )
    if found is None:
        # By primary key: whose insert was first.
        known = await tx.value(
            "select hash from import_parts where shop = :shop and upload_id = :upload_id and number = :number",
            shop=upload.shop,
            upload_id=upload.upload_id,
            number=number,
        )
        return known is not None and bytes(known) == hash_
    await tx.execute(
        "update import_uploads set used_at = now() where shop = :shop and upload_id = :upload_id",
        shop=upload.shop,
        upload_id=upload.upload_id,
    )
    return True


async def count_parts(tx: Transaction, upload: Upload) -> int:
    # By primary key, bodies are not looked at.
    return int(
        await tx.value(
            "select count(*) from import_parts where shop = :shop and upload_id = :upload_id",
            shop=upload.shop,
            upload_id=upload.upload_id,
        )
    )


async def list_missing(tx: Transaction, upload: Upload, parts: int, limit: int) -> list[int]:
    """Numbers of parts that are not there yet, the first `limit` of them."""
    rows = await tx.fetch(
        """
        select n from generate_series(1, cast(:parts as integer)) as n
        where not exists (select from import_parts p
                          where p.shop = :shop and p.upload_id = :upload_id and p.number = n)
        order by n limit :limit
        """,
        shop=upload.shop,
        upload_id=upload.upload_id,
        parts=parts,
        limit=limit,
    )
    return [row.n for row in rows]


async def get_part(tx: Transaction, shop: str, upload_id: str, number: int) -> bytes | None:
    """Sealed; None where it is not there (any more)."""
    found = await tx.value(
        "select body from import_parts where shop = :shop and upload_id = :upload_id and number = :number",
        shop=shop,
        upload_id=upload_id,
        number=number,
    )
    return None if found is None else bytes(found)


async def set_job(tx: Transaction, upload: Upload, job_id: str) -> None:
    await tx.execute(
        """
        update import_uploads set job_id = :job_id, used_at = now() where shop = :shop and upload_id = :upload_id
        """,
        shop=upload.shop,
        upload_id=upload.upload_id,
        job_id=job_id,
    )


async def prune(tx: Transaction, now: datetime, limit: int) -> int:
    """Remove some parts of files that were read or that nobody sends any more; how many rows went."""
    deleted = await tx.execute(
        """
        delete from import_uploads where (shop, upload_id) in (
            select u.shop, u.upload_id from import_uploads u
            left join import_jobs j on j.shop = u.shop and j.job_id = u.job_id
            where u.used_at < :before and (u.job_id is null or j.state = 'failed')
            order by u.used_at limit :limit
        )
        """,
        before=now - KEPT,
        limit=limit,
    )
    # Parts are there of few files, so those that none needs are found among few.
    return deleted + await tx.execute(
        """
        delete from import_parts where (shop, upload_id, number) in (
            select p.shop, p.upload_id, p.number from import_parts p
            left join import_uploads u on u.shop = p.shop and u.upload_id = p.upload_id
            left join import_jobs j on j.shop = u.shop and j.job_id = u.job_id
            where u.shop is null or j.state in ('staged', 'running', 'done')
            limit :bite
        )
        """,
        bite=BITE,
    )


async def drop_idle(tx: Transaction, shop: str, before: datetime) -> int:
    """Forget the shop's files that nobody reads and that no part came of since; how many parts they had, which are
    removed by `prune`."""
    # Few uploads a shop; by primary keys.
    found = await tx.value(
        """
        with dropped as (
            delete from import_uploads u where u.shop = :shop and u.used_at < :before
                and not exists (select from import_jobs j where j.shop = u.shop and j.job_id = u.job_id
                                and j.state <> 'failed')
            returning u.shop, u.upload_id)
        select count(*) from dropped d join import_parts p on p.shop = d.shop and p.upload_id = d.upload_id
        """,
        shop=shop,
        before=before,
    )
    return int(found)


async def has_parts(tx: Transaction, shop: str) -> bool:
    """Whether parts of a file of the shop are kept: it is being sent or read, or is not removed yet."""
    # By primary key.
    return bool(await tx.value("select exists (select from import_parts where shop = :shop)", shop=shop))


class Reading(NamedTuple):
    """A file that is to be read; `copied` lines of what its reader writes are stored, whose hash is `hash`."""

    shop: str
    job_id: str
    layout: str
    name: str
    asked: dict[str, object]
    upload_id: str
    size: int
    copied: int
    hash: bytes | None

    @property
    def job(self) -> Job:
        return Job(self.shop, self.job_id)


async def list_readings(tx: Transaction) -> list[Reading]:
    """Files that wait to be read, the oldest first."""
    # By the index of open jobs.
    rows = await tx.fetch(
        """
        select shop, job_id, layout, name, asked, upload_id, size, copied, copied_hash as hash from import_jobs
        where state = 'reading' order by created_at, job_id limit 20
        """
    )
    return [Reading(**row._mapping) for row in rows]


async def count_readings(tx: Transaction) -> int:
    return int(await tx.value("select count(*) from import_jobs where state = 'reading'"))


async def move_on(
    tx: Transaction, job: Job, before: int, after: int, hash_: bytes, read: int, staged: int, refused: int
) -> bool:
    """Count a chunk of what was read; False where another process has gone on with the file meanwhile."""
    # By primary key; `copied` closes the race of two that read one file.
    return bool(
        await tx.execute(
            """
            update import_jobs set copied = :after, copied_hash = :hash, read = greatest(read, :read), detail = null,
                staged = staged + :staged, refused = refused + :refused
            where shop = :shop and job_id = :job_id and state = 'reading' and copied = :before
            """,
            **job._asdict(),
            before=before,
            after=after,
            hash=hash_,
            read=read,
            staged=staged,
            refused=refused,
        )
    )


async def end_reading(tx: Transaction, job: Job, copied: int, findings: str, heading: str) -> bool:
    """All rows are staged and may be taken; False where another process has gone on with the file meanwhile."""
    return bool(
        await tx.execute(
            """
            update import_jobs set state = 'staged', detail = null, read = size, findings = cast(:findings as jsonb),
                asked = asked || jsonb_build_object('heading', cast(:heading as text))
            where shop = :shop and job_id = :job_id and state = 'reading' and copied = :copied
            """,
            **job._asdict(),
            copied=copied,
            findings=findings,
            heading=heading,
        )
    )


async def undo_some(tx: Transaction, job: Job, limit: int) -> int:
    """Remove some rows and refusals of a file that is to be read anew, or cannot be read; how many. Not its counts'
    reader alone may do it: they are counted back in the same transaction."""
    rows = await tx.execute(
        """
        delete from import_rows where ctid = any(array(
            select ctid from import_rows where shop = :shop and job_id = :job_id limit :limit
        ))
        """,
        **job._asdict(),
        limit=limit,
    )
    refusals = await tx.execute(
        """
        delete from import_refusals where ctid = any(array(
            select ctid from import_refusals where shop = :shop and job_id = :job_id limit :limit
        ))
        """,
        **job._asdict(),
        limit=limit,
    )
    # No process goes on behind lines that are no longer there.
    await tx.execute(
        """
        update import_jobs set staged = staged - :rows, refused = refused - :refusals, copied = 0, copied_hash = null,
            read = 0
        where shop = :shop and job_id = :job_id and state = 'reading'
        """,
        **job._asdict(),
        rows=rows,
        refusals=refusals,
    )
    return rows + refusals


async def fail_reading(tx: Transaction, job: Job, detail: str) -> None:
    """The file cannot be read; its upload may be imported in another way."""
    await tx.execute(
        """
        update import_jobs set state = 'failed', detail = :detail, finished_at = now()
        where shop = :shop and job_id = :job_id and state = 'reading'
        """,
        **job._asdict(),
        detail=detail,
    )


async def say_waiting(tx: Transaction, job: Job, detail: str) -> None:
    """Why the file is not read at this moment."""
    await tx.execute(
        "update import_jobs set detail = :detail where shop = :shop and job_id = :job_id and state = 'reading'",
        **job._asdict(),
        detail=detail,
    )

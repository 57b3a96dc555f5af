"""SQL of refused lines of files: quarantine, nothing is lost (ORD-038, ORD-039)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

from common.storage.database import Transaction


class RefusedRow(NamedTuple):
    """A line that was not taken; `text` is the line or the event, sealed. `record`, `of_record` as in BadRow."""

    shop: str
    job_id: str
    line: int
    slug: str
    detail: str
    text: bytes
    record: int = 0
    of_record: int = 0

    @property
    def kind(self) -> Literal["line", "event"]:
        """What `text` is."""
        return "line" if self.record else "event"


def refusal_place(shop: str, job_id: str, line: int) -> str:
    """What a refused line's text is sealed to."""
    return f"import-refusal:{shop}:{job_id}:{line}"


async def insert_refusals(tx: Transaction, rows: Sequence[RefusedRow]) -> None:
    await tx.copy("import_refusals", RefusedRow._fields, rows)


async def list_refusals(
    tx: Transaction, shop: str, job_id: str, after: int, limit: int
) -> list[tuple[int, RefusedRow]]:
    """Refusals of one job with their numbers, those after `after`: the file's own first, then those of its events."""
    rows = await tx.fetch(
        """
        select number, shop, job_id, line, slug, detail, text, record, of_record from import_refusals
        where shop = :shop and job_id = :job_id and number > :after order by number limit :limit
        """,
        shop=shop,
        job_id=job_id,
        after=after,
        limit=limit,
    )
    return [
        (r.number, RefusedRow(r.shop, r.job_id, r.line, r.slug, r.detail, bytes(r.text), r.record, r.of_record))
        for r in rows
    ]


async def find_parted(tx: Transaction, shop: str, job_id: str, records: Collection[int]) -> tuple[int, int] | None:
    """A line of these records, and one of the same order that is not among them, by their places in the file."""
    # Of one job; its refused lines are few among those of its file.
    row = await tx.fetch_one(
        """
        select there.line as there, missing.line as missing
        from import_refusals there join import_refusals missing
          on missing.shop = there.shop and missing.job_id = there.job_id and missing.of_record = there.of_record
        where there.shop = :shop and there.job_id = :job_id and there.of_record > 0
          and there.record = any(cast(:records as bigint[])) and missing.record <> all(cast(:records as bigint[]))
        order by there.line, missing.line limit 1
        """,
        shop=shop,
        job_id=job_id,
        records=list(records),
    )
    return None if row is None else (row.there, row.missing)


async def count_refusals(tx: Transaction, shop: str, job_id: str) -> dict[str, int]:
    # Refused lines of one job by reason.
    rows = await tx.fetch(
        """
        select slug, count(*) as refused from import_refusals
        where shop = :shop and job_id = :job_id group by slug order by slug
        """,
        shop=shop,
        job_id=job_id,
    )
    return {r.slug: r.refused for r in rows}

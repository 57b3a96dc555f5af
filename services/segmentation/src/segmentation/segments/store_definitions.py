"""Versions of the segments that a shop defines, and how far customers were compared with the newest of each."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from common.storage.database import Transaction
from segmentation.segments.state import Defined, Definition


async def lock_definitions(tx: Transaction, shop: str) -> None:
    """Wait until nobody else changes the shop's definitions, and let nobody begin before the commit."""
    # Versions of one shop's segments are few, and written one after the other.
    await tx.fetch("select pg_advisory_xact_lock(7301012, hashtext(:shop))", shop=shop)


async def get_definitions(tx: Transaction, shop: str) -> dict[str, Defined]:
    """The newest version of each segment, those that are archived included."""
    # Few rows a shop.
    rows = await tx.fetch(
        """
        select distinct on (segment) segment, version, cast(body as text) as body, compared
        from segment_definitions where shop = :shop order by segment, version desc
        """,
        shop=shop,
    )
    return {
        row.segment: Defined(row.segment, row.version, Definition.model_validate_json(row.body), row.compared)
        for row in rows
    }


async def list_versions(tx: Transaction, shop: str, segment: str) -> list[tuple[int, datetime, Definition]]:
    """All versions of a segment, the newest first: number, since when, and what it says."""
    # By primary key.
    rows = await tx.fetch(
        """
        select version, valid_from, cast(body as text) as body from segment_definitions
        where shop = :shop and segment = :segment order by version desc
        """,
        shop=shop,
        segment=segment,
    )
    return [(row.version, row.valid_from, Definition.model_validate_json(row.body)) for row in rows]


async def insert_definition(
    tx: Transaction, shop: str, segment: str, version: int, valid_from: datetime, definition: Definition
) -> bool:
    """Add a version, to be compared with everybody if it is the newest; False where it is there already."""
    # The primary key lets one of two writers of the same version through; a rebuild may meet them in any order.
    added = await tx.execute(
        """
        insert into segment_definitions (shop, segment, version, valid_from, body)
        values (:shop, :segment, :version, :valid_from, cast(:body as jsonb)) on conflict do nothing
        """,
        shop=shop,
        segment=segment,
        version=version,
        valid_from=valid_from,
        body=definition.model_dump_json(),
    )
    if added:
        await compare_again(tx, shop, [segment])
    return added == 1


async def compare_again(tx: Transaction, shop: str, segments: Collection[str]) -> None:
    """Everybody is to be compared with the newest versions of these segments, and with no other of theirs."""
    # By primary key.
    await tx.execute(
        """
        update segment_definitions d
        set compared = case when d.version = (
            select max(version) from segment_definitions n where n.shop = d.shop and n.segment = d.segment
        ) then '' end
        where shop = :shop and segment = any(:segments)
        """,
        shop=shop,
        segments=list(segments),
    )


async def lock_uncompared(tx: Transaction) -> tuple[str, str] | None:
    """Shop and id of a segment that customers are still to be compared with, locked; without those set aside."""
    # One worker a definition: the row is skipped while somebody else holds it.
    row = await tx.fetch_one(
        """
        select shop, segment from segment_definitions d where compared is not null and not exists (
            select from set_aside a where a.job = 'definitions' and a.shop = d.shop and a.what = d.segment
        )
        order by shop, segment limit 1 for update skip locked
        """
    )
    return None if row is None else (row.shop, row.segment)


async def save_compared(tx: Transaction, shop: str, segment: str, upto: str | None) -> None:
    """Customers up to here have been compared; None: all."""
    # The row is locked by this transaction.
    await tx.execute(
        """
        update segment_definitions set compared = :upto
        where shop = :shop and segment = :segment and compared is not null
        """,
        shop=shop,
        segment=segment,
        upto=upto,
    )


async def count_uncompared(tx: Transaction) -> int:
    """Definitions that somebody has yet to be compared with, without those set aside."""
    # By the index on these alone.
    return int(
        await tx.value(
            """
            select count(*) from segment_definitions d where compared is not null and not exists (
                select from set_aside a where a.job = 'definitions' and a.shop = d.shop and a.what = d.segment
            )
            """
        )
    )


async def list_defining(tx: Transaction) -> list[str]:
    """Shops that define segments."""
    # Few rows.
    return [row.shop for row in await tx.fetch("select distinct shop from segment_definitions order by shop")]

"""What verification reads beside the tables that the log speaks of: refunds that wait, and counts of imports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.storage.database import Transaction


async def list_waiting(tx: Transaction, after: tuple[str, str], limit: int) -> Sequence[Any]:
    # Refunds that are not counted, in order of key; by their own small index.
    return await tx.fetch(
        """
        select shop, refund_id, state, customer, order_id, amount, freight, currency, at, source, event_id, body
        from refunds where state <> 'counted' and (shop, refund_id) > (:shop, :refund_id)
        order by shop, refund_id limit :limit
        """,
        shop=after[0],
        refund_id=after[1],
        limit=limit,
    )


async def list_replaced(tx: Transaction, after: tuple[str, str, str], limit: int) -> Sequence[Any]:
    # Events of refunds that another event brought anew, in order of key.
    return await tx.fetch(
        """
        select shop, source, event_id from replaced_refunds
        where (shop, source, event_id) > (:shop, :source, :event_id) order by shop, source, event_id limit :limit
        """,
        shop=after[0],
        source=after[1],
        event_id=after[2],
        limit=limit,
    )


async def list_import_jobs(tx: Transaction, after: tuple[str, str], limit: int) -> Sequence[Any]:
    # Jobs with the rows and refusals that they have, in order of key.
    return await tx.fetch(
        """
        select j.shop, j.job_id, j.state, j.staged, j.accepted, j.duplicates, j.refused,
               (select count(*) from import_rows r where r.shop = j.shop and r.job_id = j.job_id) as left_over,
               (select count(*) from import_refusals r where r.shop = j.shop and r.job_id = j.job_id) as refusals
        from import_jobs j where (j.shop, j.job_id) > (:shop, :job_id)
        order by j.shop, j.job_id limit :limit
        """,
        shop=after[0],
        job_id=after[1],
        limit=limit,
    )

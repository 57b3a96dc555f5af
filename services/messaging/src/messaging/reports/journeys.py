"""Customers on their way through flows, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction
from messaging.delivery.receipts.arrival import CAME_BACK


async def count_runs(tx: Transaction, shop: str, flow: str) -> tuple[dict[str, int], dict[str, int]]:
    """Customers by the step that they wait at, and ended runs by reason."""
    # By the index on shop and flow.
    rows = await tx.fetch(
        """
        select due_at is not null as open,
            case when due_at is null then reason else coalesce(step, 'begin') end as what, count(*) as runs
        from flow_runs where shop = :shop and flow = :flow group by 1, 2
        """,
        shop=shop,
        flow=flow,
    )
    waiting = {r.what: int(r.runs) for r in rows if r.open}
    return waiting, {r.what: int(r.runs) for r in rows if not r.open}


async def count_messages(tx: Transaction, shop: str, flow: str) -> dict[str, int]:
    """The flow's messages by what became of them; `undelivered`: they were sent, and came back."""
    # By the index on shop and flow; the messages by primary key.
    rows = await tx.fetch(
        f"""
        select case when {CAME_BACK} then 'undelivered' else coalesce(m.state, c.outcome, 'waiting') end as state,
            count(*) as messages
        from candidates c left join messages m using (shop, customer, message_id)
        where c.shop = :shop and c.flow = :flow and c.flow <> 'campaign' group by 1
        """,
        shop=shop,
        flow=flow,
    )
    return {r.state: int(r.messages) for r in rows}


async def list_runs(
    tx: Transaction, shop: str, people: Sequence[str], after: str, limit: int, *, only_open: bool
) -> tuple[Sequence[Row[Any]], Sequence[Row[Any]]]:
    """Runs of a customer, under all identifiers (`people`), the newest first, after the run of that id; and their
    moves, oldest first."""
    # By primary key: a customer has few.
    runs = await tx.fetch(
        """
        select r.run_id, r.customer, r.flow, r.version, r.cause, r.started_at, r.step, r.until, r.reason
        from flow_runs r
        left join flow_runs a on a.shop = r.shop and a.customer = any(:people) and a.run_id = :after
        where r.shop = :shop and r.customer = any(:people) and (not :only_open or r.due_at is not null)
            and (:after = '' or (r.started_at, r.run_id) < (a.started_at, a.run_id))
        order by r.started_at desc, r.run_id desc limit :limit
        """,
        shop=shop,
        people=list(people),
        after=after,
        limit=limit,
        only_open=only_open,
    )
    # By primary key.
    moves = await tx.fetch(
        """
        select run_id, number, at, reason, step, until, path, asked from flow_moves
        where shop = :shop and customer = any(:people) and run_id = any(:runs) order by run_id, number
        """,
        shop=shop,
        people=list(people),
        runs=[r.run_id for r in runs],
    )
    return runs, moves

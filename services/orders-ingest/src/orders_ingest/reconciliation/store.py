"""SQL of reconciliations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from common.storage.columns import Columns
from common.storage.database import Transaction
from orders_ingest.reconciliation.state import Finding, Kind, Ours, Run

_FINDINGS = Columns("w", order_id="text", kind="text", detail="text")
ABSENT_MOST = 100_000
"""More orders of ours than these that a list lacks are a list of something else."""


async def insert_run(tx: Transaction, shop: str, run_id: str, since: datetime, until: datetime) -> bool:
    """False where there is a run of that id."""
    count = await tx.execute(
        """
        insert into reconciliations (shop, run_id, since, until, began_at)
        values (:shop, :run_id, :since, :until, :now) on conflict do nothing
        """,
        shop=shop,
        run_id=run_id,
        since=since,
        until=until,
        now=tx.clock.now(),
    )
    return count == 1


async def get_run(tx: Transaction, shop: str, run_id: str, *, lock: bool = False) -> Run | None:
    # By the primary key.
    row = await tx.fetch_one(
        f"""
        select run_id, since, until, began_at, ended_at, same, polled, pages, trouble from reconciliations
        where shop = :shop and run_id = :run_id {"for update" if lock else ""}
        """,
        shop=shop,
        run_id=run_id,
    )
    if row is None:
        return None
    # By the index on kind.
    counts = await tx.fetch(
        """
        select kind, count(*) as number from reconciliation_findings where shop = :shop and run_id = :run_id
        group by kind order by kind
        """,
        shop=shop,
        run_id=run_id,
    )
    found = {each.kind: each.number for each in counts}
    period = row.run_id, row.since, row.until, row.began_at, row.ended_at
    return Run(*period, row.same, row.polled, row.pages, row.trouble, found)


async def list_runs(tx: Transaction, shop: str, after: str, limit: int) -> Sequence[Any]:
    """Runs by id, those behind `after`."""
    return await tx.fetch(
        """
        select run_id, since, until, began_at, ended_at from reconciliations
        where shop = :shop and run_id > :after order by run_id limit :limit
        """,
        shop=shop,
        after=after,
        limit=limit,
    )


async def get_ours(tx: Transaction, shop: str, order_ids: Sequence[str]) -> dict[str, Ours]:
    """Those of these orders of which a version came."""
    # By the primary key.
    rows = await tx.fetch(
        """
        select order_id, state, at, currency, goods_paid, freight, customer from orders
        where shop = :shop and order_id = any(:ids) and revision is not null
        """,
        shop=shop,
        ids=list(order_ids),
    )
    return {row.order_id: Ours(*tuple(row)[1:]) for row in rows}


async def save_page(
    tx: Transaction, shop: str, run_id: str, order_ids: Sequence[str], same: Iterable[str], findings: Sequence[Finding]
) -> int:
    """Note a page of the list: what was seen, and what differed. A page that comes again adds nothing. Returns how many
    of its orders were not seen before."""
    # Who was seen before was counted before.
    rows = await tx.fetch(
        """
        insert into reconciled_orders (shop, run_id, order_id)
        select :shop, :run_id, order_id from unnest(cast(:ids as text[])) as w(order_id)
        on conflict do nothing returning order_id
        """,
        shop=shop,
        run_id=run_id,
        ids=sorted(set(order_ids)),
    )
    fresh = {row.order_id for row in rows}
    await tx.execute(
        "update reconciliations set same = same + :same where shop = :shop and run_id = :run_id",
        shop=shop,
        run_id=run_id,
        same=len(fresh & set(same)),
    )
    await insert_findings(tx, shop, run_id, findings)
    return len(fresh)


async def insert_findings(tx: Transaction, shop: str, run_id: str, findings: Sequence[Finding]) -> None:
    """The first finding of an order stands; one that was refused gives way to what became of it since."""
    if not findings:
        return
    await tx.execute(
        f"""
        insert into reconciliation_findings as f (shop, run_id, order_id, kind, detail)
        select :shop, :run_id, order_id, kind, detail from {_FINDINGS}
        on conflict (shop, run_id, order_id) do update set kind = excluded.kind, detail = excluded.detail
        where f.kind = 'refused'
        """,
        shop=shop,
        run_id=run_id,
        **_FINDINGS.of(findings),
    )


async def end_run(tx: Transaction, shop: str, run: Run) -> None:
    """Note what of ours the list lacked, and forget what it held. A system's own list is asked about orders whose
    newest version that system told: an order that completed here by itself has not changed there."""
    # One pass over the shop's orders; those that nobody has heard of since are not of the period.
    await tx.execute(
        """
        insert into reconciliation_findings (shop, run_id, order_id, kind, detail)
        select o.shop, :run_id, o.order_id, 'absent', 'not in the list; ' || o.state || ' here'
        from orders o
        where o.shop = :shop and o.revision is not null and o.at >= :since and o.at < :until
            and (cast(:source as text) is null or o.source = :source)
            and not exists (select from reconciled_orders r
                            where r.shop = o.shop and r.run_id = :run_id and r.order_id = o.order_id)
        order by o.order_id limit :most
        on conflict do nothing
        """,
        shop=shop,
        run_id=run.run_id,
        since=run.since,
        until=run.until,
        most=ABSENT_MOST,
        source=None if run.polled is None else f"/shops/{shop}/{run.polled}",
    )
    # By primary key.
    await tx.execute(
        "delete from reconciled_orders where shop = :shop and run_id = :run_id", shop=shop, run_id=run.run_id
    )
    await tx.execute(
        "update reconciliations set ended_at = :now where shop = :shop and run_id = :run_id",
        shop=shop,
        run_id=run.run_id,
        now=tx.clock.now(),
    )


async def list_findings(
    tx: Transaction, shop: str, run_id: str, kind: Kind | None, after: str, limit: int
) -> list[Finding]:
    """Findings of a run by order, those behind `after`."""
    rows = await tx.fetch(
        """
        select order_id, kind, detail from reconciliation_findings
        where shop = :shop and run_id = :run_id and order_id > :after
            and (cast(:kind as text) is null or kind = :kind)
        order by order_id limit :limit
        """,
        shop=shop,
        run_id=run_id,
        kind=kind,
        after=after,
        limit=limit,
    )
    return [Finding(*tuple(row)) for row in rows]

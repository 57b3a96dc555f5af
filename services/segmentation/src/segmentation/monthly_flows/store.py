"""Counts of customers by month and where they went, and how far customers have been counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, get_args

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from segmentation.monthly_flows.rules import Flow, Kind, Sold, sold

_KEYS = Columns("w", shop="text", customer="text")
_COUNTS = Columns("w", kind="text", month="date", old="text", new="text", customers="bigint")
_NONE = ""
"""Stands in the table for a customer none of whose orders counts."""


KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Counted:
    """Which months of a customer are in the counts: from `since` to `counted`, and to `upto` where the walk passed."""

    since: date
    counted: date | None
    upto: date | None
    passed: bool

    @property
    def last(self) -> date | None:
        """The newest month of the customer in the counts."""
        return self.upto if self.passed and self.upto is not None else self.counted


async def share_walks(tx: Transaction, keys: Collection[CustomerKey]) -> dict[CustomerKey, Counted]:
    """How far each of these customers has been counted; no walk goes on or begins before the commit.

    Empty of shops without.
    """
    found = await _share_rows(tx, keys)
    # A shop whose walk has not begun has no row to share: it begins when those who found none have committed, and who
    # comes afterwards finds its row.
    if waiting := sorted({shop for shop, _ in keys} - {shop for shop, _ in found}):
        await tx.fetch(
            """
            select pg_advisory_xact_lock_shared(hashtextextended('flows:' || w.shop, 0))
            from (select unnest(cast(:shops as text[])) as shop) w
            """,
            shops=waiting,
        )
        found |= await _share_rows(tx, [key for key in keys if key[0] in waiting])
    return found


async def _share_rows(tx: Transaction, keys: Collection[CustomerKey]) -> dict[CustomerKey, Counted]:
    # The walk locks its row alone: either it counts what this transaction stores, or this one sees how far it came.
    rows = await tx.fetch(
        f"""
        select w.shop, w.customer, f.since, f.counted, f.upto, coalesce(w.customer <= f.after, false) as passed
        from {_KEYS} join monthly_flow_walks f on f.shop = w.shop
        where f.counted is not null or f.after is not null
        for share of f
        """,
        **_KEYS.of(sorted(keys)),
    )
    return {(row.shop, row.customer): Counted(row.since, row.counted, row.upto, row.passed) for row in rows}


async def get_sold(tx: Transaction, keys: Collection[CustomerKey]) -> dict[CustomerKey, dict[str, Sold]]:
    """The sales of these customers as they are stored, by the item's name."""
    found: dict[CustomerKey, dict[str, Sold]] = {key: {} for key in keys}
    # A range of the primary key each, whatever the plan (decision 0080).
    rows = await tx.fetch(
        f"""
        select s.* from {_KEYS} cross join lateral (
            select shop, customer, name, day, gone, currency, orders, paid, refunded from sales
            where shop = w.shop and customer = w.customer order by name
        ) s
        """,
        **_KEYS.of(sorted(keys)),
    )
    for row in rows:
        found[row.shop, row.customer][row.name] = _sold(row)
    return found


async def add_flows(tx: Transaction, shop: str, counts: Mapping[Flow, int]) -> None:
    """Add to the shop's counts."""
    rows = sorted((f.kind, f.month, f.old or _NONE, f.new or _NONE, number) for f, number in counts.items() if number)
    if not rows:
        return
    # In one order, so that no two wait for each other within a statement.
    await tx.execute(
        f"""
        insert into monthly_flows as f (shop, kind, month, old, new, customers)
        select cast(:shop as text), kind, month, old, new, customers from {_COUNTS} order by kind, month, old, new
        on conflict (shop, kind, month, old, new) do update set customers = f.customers + excluded.customers
        """,
        shop=shop,
        **_COUNTS.of(rows),
    )


async def get_flows(tx: Transaction, shop: str, since: date, kinds: Collection[Kind] = KINDS) -> dict[Flow, int]:
    """The counts of the months from `since` on."""
    # A range of the primary key a kind.
    rows = await tx.fetch(
        """
        select kind, month, old, new, customers from monthly_flows
        where shop = :shop and kind = any(:kinds) and month >= :since and customers <> 0
        """,
        shop=shop,
        kinds=list(kinds),
        since=since,
    )
    return {Flow(row.kind, row.month, row.old or None, row.new or None): row.customers for row in rows}


async def get_walk(tx: Transaction, shop: str) -> Row[Any] | None:
    """Row since, counted, upto, after, due_at of the shop."""
    # By the primary key.
    return await tx.fetch_one(
        "select since, counted, upto, after, due_at from monthly_flow_walks where shop = :shop", shop=shop
    )


async def get_walks(tx: Transaction) -> dict[str, Row[Any]]:
    """Rows shop, since, counted, upto, after, due_at by shop."""
    # A row a shop.
    rows = await tx.fetch("select shop, since, counted, upto, after, due_at from monthly_flow_walks order by shop")
    return {row.shop: row for row in rows}


async def begin_walk(tx: Transaction, shop: str, since: date, upto: date) -> None:
    """Have the months after those counted be counted, up to `upto`; a walk under way goes on instead.

    It begins alone: whoever stores orders and corrected no counts, since there were none, has committed before.
    """
    await tx.fetch("select pg_advisory_xact_lock(hashtextextended('flows:' || :shop, 0))", shop=shop)
    # A row of a shop is made once, by whatever process.
    await tx.execute(
        """
        insert into monthly_flow_walks as f (shop, since, upto, after) values (:shop, :since, :upto, '')
        on conflict (shop) do update set upto = excluded.upto, after = '', due_at = null
        where f.upto is null and (f.counted is null or f.counted < excluded.upto)
        """,
        shop=shop,
        since=since,
        upto=upto,
    )


async def lock_walk(tx: Transaction, shop: str) -> Row[Any] | None:
    """The walk that is under way, locked; None where there is none, or another process takes its next step."""
    # Nobody waits for a portion of another process.
    return await tx.fetch_one(
        """
        select since, counted, upto, after from monthly_flow_walks where shop = :shop and upto is not null
        for update skip locked
        """,
        shop=shop,
    )


async def list_portion(tx: Transaction, shop: str, after: str, limit: int) -> tuple[list[list[Sold]], str | None]:
    """The sales of each of the next `limit` customers who have any, and the last of these customers; None: no more."""
    # The portion's end, by the primary key.
    rows = await tx.fetch(
        "select customer from customers where shop = :shop and customer > :after order by customer limit :limit",
        shop=shop,
        after=after,
        limit=limit,
    )
    if not rows:
        return [], None
    last = rows[-1].customer
    # A range of the primary key.
    sales = await tx.fetch(
        """
        select customer, day, gone, currency, orders, paid, refunded from sales
        where shop = :shop and customer > :after and customer <= :last
        """,
        shop=shop,
        after=after,
        last=last,
    )
    found: defaultdict[str, list[Sold]] = defaultdict(list)
    for row in sales:
        found[row.customer].append(_sold(row))
    return list(found.values()), last if len(rows) == limit else None


async def save_walk(tx: Transaction, shop: str, after: str | None) -> None:
    """How far the walk is; `after` None: all customers are counted."""
    if after is None:
        # The row is locked by this transaction.
        await tx.execute(
            "update monthly_flow_walks set counted = upto, upto = null, after = null where shop = :shop", shop=shop
        )
    else:
        # The next portion goes on from here, in whatever process.
        await tx.execute("update monthly_flow_walks set after = :after where shop = :shop", shop=shop, after=after)


async def forget_counts(tx: Transaction, shops: Collection[str], due_at: datetime | None) -> None:
    """These shops are counted anew from the first month on, not before `due_at`."""
    wanted = {"shops": sorted(shops)}
    # Taken alone: who corrects counts commits before.
    await tx.execute(
        """
        update monthly_flow_walks set counted = null, upto = null, after = null, due_at = :due_at
        where shop = any(:shops)
        """,
        due_at=due_at,
        **wanted,
    )
    # Some hundred rows a shop.
    await tx.execute("delete from monthly_flows where shop = any(:shops)", **wanted)


async def list_customers(
    tx: Transaction, shop: str, after: str, limit: int
) -> tuple[Sequence[tuple[str, list[Sold]]], str | None]:
    """The next `limit` customers in order of id with their sales, and the last of them; None: there are no more."""
    # The page's end, by the primary key.
    rows = await tx.fetch(
        """
        select c.customer, s.day, s.gone, s.currency, s.orders, s.paid, s.refunded from (
            select customer from customers where shop = :shop and customer > :after order by customer limit :limit
        ) c left join sales s on s.shop = :shop and s.customer = c.customer
        order by c.customer
        """,
        shop=shop,
        after=after,
        limit=limit,
    )
    found: dict[str, list[Sold]] = {}
    for row in rows:
        mine = found.setdefault(row.customer, [])
        if row.day is not None:
            mine.append(_sold(row))
    return list(found.items()), next(reversed(found)) if len(found) == limit else None


def _sold(row: Row[Any]) -> Sold:
    return sold(row.day, row.gone, row.currency, row.orders, row.paid, row.refunded)

"""How far the look at everybody is after new statistics or thresholds, and who of a page is locked to be folded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row

from common.storage.columns import Columns
from common.storage.customer_rows import CUSTOMER_COLUMNS, CustomerRow, customer_row
from common.storage.database import Transaction
from segmentation.customers.state import CustomerState

_DUES = Columns("u", customer="text", due="timestamptz")


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A customer as stored; `written` names the transaction that stored the row."""

    row: CustomerRow
    state: CustomerState
    written: str = ""

    @property
    def customer(self) -> str:
        return self.row.key[1]


@dataclass(frozen=True, slots=True)
class Locked:
    """Customers who were locked: those who stand as they were read, and the others as they stand now.

    `apart`: those of both who are set aside of the sweep, whose long history is being folded, or who have inputs that
    are held and not folded yet.
    """

    same: set[str]
    others: list[Scheduled]
    apart: set[str]


async def start(tx: Transaction, shop: str, since: datetime) -> None:
    """What folds read from `since` on has changed: begin with the first customer."""
    # One that is under way begins again, from the earlier of the two changes.
    await tx.execute(
        """
        insert into reschedulings as r (shop, after, since) values (:shop, '', :since)
        on conflict (shop) do update set after = '', since = least(r.since, excluded.since)
        """,
        shop=shop,
        since=since,
    )


async def lock_next(tx: Transaction) -> tuple[str, str, datetime] | None:
    """A shop whose customers are being rescheduled (its row locked), the customer up to whom it was done, and the
    instant from which on something has changed."""
    # One worker a shop: the row is skipped while somebody else holds it.
    row = await tx.fetch_one(
        "select shop, after, since from reschedulings order by shop limit 1 for update skip locked"
    )
    return (row.shop, row.after, row.since) if row is not None else None


async def list_page(
    tx: Transaction, shop: str, after: str, settled_before: date, limit: int
) -> tuple[list[str], str | None]:
    """The buyers among the next `limit` customers, and the last of these customers (None: there are no more).

    Customers who bought last before `settled_before` and have no score are left out: nothing changes them any more.
    """
    # The page's end, by primary key.
    last = await tx.value(
        """
        select max(customer) from (
            select customer from customers where shop = :shop and customer > :after order by customer limit :limit
        ) as page
        """,
        shop=shop,
        after=after,
        limit=limit,
    )
    if last is None:
        return [], None
    # A range of the primary key.
    rows = await tx.fetch(
        """
        select customer from customers
        where shop = :shop and customer > :after and customer <= :last and completed_orders > 0
          and not (rfm_class is null and last_day < :settled_before)
        order by customer
        """,
        shop=shop,
        after=after,
        last=last,
        settled_before=settled_before.isoformat(),
    )
    return [row.customer for row in rows], last


async def get_scheduled(tx: Transaction, shop: str, customers: Sequence[str]) -> list[Scheduled]:
    """These customers as they are stored, in their order: facts stand in the outbox in it, whatever the plan.

    Nobody is locked: a fold of one of them at this moment knows what has changed, and stores the due time itself.
    """
    # By primary key.
    rows = await tx.fetch(
        f"""
        select {CUSTOMER_COLUMNS}, cast(c.xmin as text) as written from customers c
        where shop = :shop and customer = any(:customers) and state is not null
        """,
        shop=shop,
        customers=list(customers),
    )
    return [_scheduled(row) for row in sorted(rows, key=lambda row: row.customer)]


async def lock_scheduled(tx: Transaction, shop: str, known: Sequence[Scheduled], sweep: str, now: datetime) -> Locked:
    """Lock these customers. Who was not written since they were read is not read again; `sweep` is the job's name.

    Who has inputs from before `now` that are held is not to be turned up to it: these inputs come first.
    """
    customers = [each.customer for each in known]
    # In the order in which all writers lock, so that nobody waits in a circle.
    rows = await tx.fetch(
        """
        select customer, cast(xmin as text) as written from customers
        where shop = :shop and customer = any(:customers) and state is not null
        order by customer collate "C" for update
        """,
        shop=shop,
        customers=customers,
    )
    # Few rows at any time, but what is held: that by its index, whatever the plan (decision 0080).
    apart = await tx.fetch(
        """
        select customer from set_aside where job = :sweep and shop = :shop and customer = any(:customers)
        union all
        select customer from long_histories
        where shop = :shop and customer = any(:customers) and cause is not null
        union all
        select w.customer from unnest(cast(:customers as text[])) w(customer) cross join lateral (
            select from history where held and shop = :shop and customer = w.customer and at <= :now limit 1
        ) h
        """,
        shop=shop,
        customers=customers,
        sweep=sweep,
        now=now,
    )
    written = {row.customer: row.written for row in rows}
    same = [each for each in known if written.get(each.customer) == each.written]
    again = sorted(written.keys() - {each.customer for each in same})
    others = await get_scheduled(tx, shop, again) if again else []
    tx.locked.update((each.row.key, each.row) for each in (*same, *others))
    return Locked({each.customer for each in same}, others, {row.customer for row in apart})


async def save_dues(tx: Transaction, shop: str, dues: Sequence[tuple[str, datetime | None]]) -> None:
    """Store these due times."""
    # The rows are locked by this transaction.
    await tx.execute(
        f"update customers c set due_at = u.due from {_DUES} where c.shop = :shop and c.customer = u.customer",
        shop=shop,
        **_DUES.of(dues),
    )


async def save_cursor(tx: Transaction, shop: str, after: str | None) -> None:
    """How far the shop's rescheduling is; `after` None: it is done."""
    if after is None:
        # Nobody is left to ask.
        await tx.execute("delete from reschedulings where shop = :shop", shop=shop)
    else:
        # The next page goes on from here, in whatever process.
        await tx.execute("update reschedulings set after = :after where shop = :shop", shop=shop, after=after)


async def list_shops(tx: Transaction) -> list[str]:
    """Shops whose customers are being rescheduled."""
    # One row a shop, gone when it is done.
    return [row.shop for row in await tx.fetch("select shop from reschedulings order by shop")]


def _scheduled(row: Row[Any]) -> Scheduled:
    return Scheduled(customer_row(row), CustomerState.model_validate_json(row.state).partly(), row.written)

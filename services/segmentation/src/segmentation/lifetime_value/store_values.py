"""What each buyer is worth by the newest fit: pages of customers valued, and the list of them by value."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import Row

from common.crypto.erasing import NOT_ERASED
from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from segmentation.lifetime_value.everybody import Buyers, Predicted
from segmentation.lifetime_value.state import LifetimeFit

_KEYS = Columns("w", shop="text", customer="text")
_BUYERS = f"""
select customer, count(*) filter (where bought) - 1 as x,
       max(day) filter (where bought) - min(day) filter (where bought) as last,
       cast(:month as date) - min(day) filter (where bought) as age, count(*) filter (where own) as own,
       cast(greatest(0, coalesce(sum(net), 0)) as bigint) as total
from (
    select customer, day, bool_or(orders > 0) as bought, bool_or(orders > 0 and currency = :currency) as own,
           sum(paid - refunded) filter (where currency = :currency) as net
    from sales w where shop = :shop and gone is null and day < :month and {{whom}} and {NOT_ERASED}
    group by customer, day
) days
group by customer having bool_or(bought)
"""
_SPAN = "customer > :after and customer <= :upto"
_THESE = "customer = any(:customers)"


async def lock_unvalued(tx: Transaction) -> tuple[str, str] | None:
    """A shop whose customers the newest fit has not all valued, locked, and up to whom it has."""
    # Few rows: one a shop and month. One worker a fit: its row is skipped while somebody else holds it.
    row = await tx.fetch_one(
        """
        select shop, valued from value_fits f where valued is not null and version = (
            select max(version) from value_fits n where n.shop = f.shop
        ) and not exists (select from set_aside a where a.job = 'values' and a.shop = f.shop)
        order by shop limit 1 for update skip locked
        """
    )
    return None if row is None else (row.shop, row.valued)


async def count_unvalued(tx: Transaction) -> int:
    """Shops whose customers are still to be valued, without those set aside."""
    return int(
        await tx.value(
            """
            select count(*) from value_fits f where valued is not null and version = (
                select max(version) from value_fits n where n.shop = f.shop
            ) and not exists (select from set_aside a where a.job = 'values' and a.shop = f.shop)
            """
        )
    )


async def save_valued(tx: Transaction, shop: str, version: int, upto: str | None) -> None:
    """Customers up to here have been valued; None: all. The row is locked."""
    await tx.execute(
        "update value_fits set valued = :upto where shop = :shop and version = :version",
        shop=shop,
        version=version,
        upto=upto,
    )


async def page_end(tx: Transaction, shop: str, after: str, size: int) -> str | None:
    """The last of the next customers; None where there are no more."""
    # By primary key.
    found: str | None = await tx.value(
        """
        select max(customer) from (
            select customer from customers where shop = :shop and customer > :after order by customer limit :size
        ) page
        """,
        shop=shop,
        after=after,
        size=size,
    )
    return found


async def get_span(
    tx: Transaction, shop: str, after: str, upto: str, month: date, currency: str
) -> tuple[list[str], Buyers]:
    """The buyers behind `after`, up to `upto`, without those erased, and what they bought before the month."""
    # The page's sorts stay in memory, in this transaction alone.
    await tx.execute("set local work_mem = '64MB'")
    # A range of the primary key.
    sql = _BUYERS.format(whom=_SPAN)
    return _buyers(await tx.fetch(sql, shop=shop, month=month, currency=currency, after=after, upto=upto))


async def get_these(
    tx: Transaction, shop: str, customers: Sequence[str], month: date, currency: str
) -> tuple[list[str], Buyers]:
    """As `get_span`, of these customers."""
    # Ranges of the primary key.
    sql = _BUYERS.format(whom=_THESE)
    return _buyers(await tx.fetch(sql, shop=shop, month=month, currency=currency, customers=list(customers)))


def _buyers(rows: Sequence[Any]) -> tuple[list[str], Buyers]:
    table = np.array([tuple(row)[1:] for row in rows], dtype=np.int64).reshape(len(rows), 5)
    return [row.customer for row in rows], Buyers(*(np.ascontiguousarray(table[:, n]) for n in range(5)))


async def clear_span(tx: Transaction, shop: str, after: str, upto: str) -> None:
    """Forget the values of the customers behind `after`, up to `upto`."""
    # A range of the primary key.
    await tx.execute(f"delete from customer_values where shop = :shop and {_SPAN}", shop=shop, after=after, upto=upto)


async def erase_values(tx: Transaction, customers: Collection[CustomerKey]) -> None:
    """Forget what these customers are worth."""
    # By primary key.
    await tx.execute(
        f"delete from customer_values v using {_KEYS} where v.shop = w.shop and v.customer = w.customer",
        **_KEYS.of(sorted(customers)),
    )


async def add_values(tx: Transaction, shop: str, fit: LifetimeFit, customers: Sequence[str], found: Predicted) -> None:
    """Keep what these customers, of whom nothing is kept, are worth."""
    if found.value is None or not customers:
        return
    grades = np.searchsorted(np.array(fit.grades), found.value, side="left") + 1 if fit.grades else None
    await tx.copy(
        "customer_values",
        ("shop", "customer", "month", "value", "grade", "alive", "purchases"),
        [
            (shop, customer, fit.month, value, grade, alive, purchases)
            for customer, value, grade, alive, purchases in zip(
                customers,
                found.value.astype(np.int64).tolist(),
                grades.tolist() if grades is not None else [None] * len(customers),
                found.alive.tolist(),
                found.purchases.tolist(),
                strict=True,
            )
        ],
    )


async def list_by_value(
    tx: Transaction, shop: str, grade: int | None, below: tuple[int, str] | None, limit: int
) -> Sequence[Row[Any]]:
    """Rows customer, value, grade, alive, purchases, month: the highest value first, of one alike by id."""
    # The index on values from the place on. Of a grade a part of it: its customers stand together.
    return await tx.fetch(
        f"""
        select customer, value, grade, alive, purchases, month from customer_values
        where shop = :shop {"and grade = :grade" if grade is not None else ""}
          {"and (-value, customer) > (-cast(:value as bigint), :customer) and value <= :value" if below else ""}
        order by value desc, customer limit :limit
        """,
        shop=shop,
        limit=limit,
        **({"grade": grade} if grade is not None else {}),
        **({"value": below[0], "customer": below[1]} if below else {}),
    )


async def sum_grades(tx: Transaction, shop: str) -> Sequence[Row[Any]]:
    """Rows grade, customers, value (their sum), month."""
    # One pass over the shop's values.
    return await tx.fetch(
        """
        select grade, count(*) as customers, cast(sum(value) as bigint) as value, max(month) as month
        from customer_values where shop = :shop group by grade order by grade desc nulls last
        """,
        shop=shop,
    )

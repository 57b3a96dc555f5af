"""Customers by the month of their first order that counts, read of `sales`."""

from __future__ import annotations

from datetime import date

from common.storage.database import Transaction

# An order that counts completed, and was neither closed nor refunded whole since.
_COUNTS = "gone is null and orders > 0"


async def count_cohorts(tx: Transaction, shop: str, since: date, until: date) -> dict[tuple[date, int], int]:
    """Customers whose first order fell in [since, until), by the first day of its month and by months since then.

    Both borders are first days of months. (month, 0) counts the cohort, (month, k) those who bought in month k after.
    """
    # The window by the index sales_day; whether somebody bought before it is one probe of the primary key each, so that
    # the work follows the window and not the years behind it.
    rows = await tx.fetch(
        f"""
        with bought as (
            select distinct customer, cast(date_trunc('month', day) as date) as month
            from sales where shop = :shop and day >= :since and day < :until and {_COUNTS}
        ),
        began as (
            select b.customer, min(b.month) as month from bought b
            where not exists (
                select from sales s where s.shop = :shop and s.customer = b.customer and s.day < :since and {_COUNTS}
            )
            group by b.customer
        )
        select began.month,
               cast(12 * (extract(year from b.month) - extract(year from began.month))
                    + extract(month from b.month) - extract(month from began.month) as integer) as later,
               count(*) as customers
        from began join bought b using (customer) group by 1, 2
        """,
        shop=shop,
        since=since,
        until=until,
    )
    return {(row.month, row.later): row.customers for row in rows}


async def list_cohort(
    tx: Transaction,
    shop: str,
    month: tuple[date, date],
    within: tuple[date, date] | None,
    after: str,
    limit: int,
) -> list[str]:
    """Customers behind `after` whose first order fell in `month`, in order of id.

    With `within` those alone who bought in it, too. Both are [from, to).
    """
    bought = ""
    borders = {"since": month[0], "until": month[1]}
    if within is not None:
        borders |= {"lower": within[0], "upper": within[1]}
        bought = f"""and exists (
            select from sales s where s.shop = :shop and s.customer = m.customer
            and s.day >= :lower and s.day < :upper and {_COUNTS}
        )"""
    # The month by the index sales_day, each customer's other orders by the primary key.
    rows = await tx.fetch(
        f"""
        select m.customer from (
            select distinct customer from sales
            where shop = :shop and day >= :since and day < :until and customer > :after and {_COUNTS}
        ) m
        where not exists (
            select from sales s where s.shop = :shop and s.customer = m.customer and s.day < :since and {_COUNTS}
        ) {bought}
        order by m.customer limit :limit
        """,
        shop=shop,
        after=after,
        limit=limit,
        **borders,
    )
    return [row.customer for row in rows]

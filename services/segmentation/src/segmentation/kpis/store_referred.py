"""New buyers by whether another one brought them, and what they bought since."""

from __future__ import annotations

from datetime import date

from common.storage.database import Transaction


async def sum_by_referral(
    tx: Transaction, shop: str, since: date, until: date, currency: str
) -> dict[bool, tuple[int, int]]:
    """(customers, net) of those whose first order is in [since, until), by whether a referral of theirs is true."""
    # One pass over the shop's customers, states are not read; referral and orders by primary key.
    rows = await tx.fetch(
        """
        select referred, count(*) as customers, cast(coalesce(sum(net), 0) as bigint) as net
        from (
            select exists (
                       select from referrals r
                       where r.shop = c.shop and r.confirmed and (r.customer = c.customer or r.customer in (
                           select p.customer from people p where p.shop = c.shop and p.person = c.customer
                       ))
                   ) as referred,
                   b.net
            from customers c cross join lateral (
                select sum(paid - refunded) filter (where currency = :currency) as net
                from sales s where s.shop = c.shop and s.customer = c.customer and s.gone is null and s.orders > 0
            ) b
            where c.shop = :shop and c.first_day >= :since and c.first_day < :until
        ) came
        group by referred
        """,
        shop=shop,
        since=since.isoformat(),
        until=until.isoformat(),
        currency=currency,
    )
    return {row.referred: (row.customers, row.net) for row in rows}

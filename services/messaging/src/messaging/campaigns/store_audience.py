"""The customers of a campaign's group, as an index finds them."""

from __future__ import annotations

from collections.abc import Sequence

from common.storage.database import Transaction


async def list_audience(
    tx: Transaction, shop: str, subject: str | None, values: Sequence[str], after: str, limit: int
) -> list[str]:
    """Customers with contact data in order: all, or those of whom `subject` is one of `values`; nobody erased."""
    if subject is None:
        # By primary key.
        rows = await tx.fetch(
            """
            select c.customer from contacts c left join customer_keys k using (shop, customer)
            where c.shop = :shop and c.customer > :after and k.erased_at is null order by c.customer limit :limit
            """,
            shop=shop,
            after=after,
            limit=limit,
        )
        return [r.customer for r in rows]
    # By the index on subject and value.
    rows = await tx.fetch(
        """
        select s.customer
        from standings s join contacts c using (shop, customer) left join customer_keys k using (shop, customer)
        where s.shop = :shop and s.subject = :subject and s.value = any(:values) and s.customer > :after
            and s.subject not in ('orders', 'points') and k.erased_at is null
        order by s.customer limit :limit
        """,
        shop=shop,
        subject=subject,
        values=list(values),
        after=after,
        limit=limit,
    )
    return [r.customer for r in rows]


async def count_audience(tx: Transaction, shop: str, subject: str | None, values: Sequence[str]) -> int:
    """How many customers `list_audience` has."""
    if subject is None:
        # By primary key.
        return int(await tx.value("select count(*) from contacts where shop = :shop", shop=shop))
    # By the index on subject and value.
    return int(
        await tx.value(
            """
            select count(*) from standings
            where shop = :shop and subject = :subject and value = any(:values)
                and subject not in ('orders', 'points')
            """,
            shop=shop,
            subject=subject,
            values=list(values),
        )
    )

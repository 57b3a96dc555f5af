"""The rows of partners, and what came of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction

_CUSTOMERS = Columns("w", shop="text", customer="text")
Kind = Literal["ambassador", "affiliate"]
Status = Literal["invited", "active", "declined", "ended"]


async def save_partner(
    tx: Transaction, key: CustomerKey, kind: Kind, status: Status, details: tuple[str | None, str | None],
    by: str, at: datetime,
) -> None:  # fmt: skip
    """`details`: the affiliate's id, and the source of the commission; what is not given stays."""
    # The newest counts; since when stays.
    await tx.execute(
        """
        insert into partners as p (shop, customer, kind, status, affiliate_id, commission_source, by, since, moved_at)
        values (:shop, :customer, :kind, :status, :affiliate_id, :commission_source, :by, :at, :at)
        on conflict (shop, customer, kind) do update set status = excluded.status,
            affiliate_id = coalesce(excluded.affiliate_id, p.affiliate_id),
            commission_source = coalesce(excluded.commission_source, p.commission_source),
            by = excluded.by, moved_at = excluded.moved_at
        """,
        shop=key[0],
        customer=key[1],
        kind=kind,
        status=status,
        affiliate_id=details[0],
        commission_source=details[1],
        by=by,
        at=at,
    )


async def get_partner(tx: Transaction, key: CustomerKey, kind: Kind) -> Row[Any] | None:
    rows = await _partners(tx, "and p.customer = :customer and p.kind = :kind", key[0], customer=key[1], kind=kind)
    return rows[0] if rows else None


async def list_partners(
    tx: Transaction, shop: str, kind: Kind, status: Status | None, after: str, limit: int
) -> Sequence[Row[Any]]:
    """A page of partners of one kind, by customer, with the referrals that they made and those that hold."""
    of_status = {} if status is None else {"status": status}
    condition = f"and p.kind = :kind and p.customer > :after {'' if status is None else 'and p.status = :status'}"
    return await _partners(tx, condition, shop, kind=kind, after=after, limit=limit, **of_status)


async def _partners(tx: Transaction, condition: str, shop: str, limit: int = 1, **more: Any) -> Sequence[Row[Any]]:
    # By the primary key; the person's identifiers by the key of customers and the index of those who were absorbed; the
    # figures by the index of the referrer.
    return await tx.fetch(
        f"""
        select p.*, r.brought, r.rewarded
        from partners p, lateral (
            select count(*) as brought, count(*) filter (where o.state = 'rewarded') as rewarded
            from referrals o
            where o.shop = p.shop and o.referrer in (
                select p.customer
                union
                select s.customer from customers c join customers s on s.shop = c.shop
                  and (s.customer = coalesce(c.merged_into, c.customer)
                       or s.merged_into = coalesce(c.merged_into, c.customer))
                where c.shop = p.shop and c.customer = p.customer
            )
        ) as r
        where p.shop = :shop {condition} order by p.customer limit :limit
        """,
        shop=shop,
        limit=limit,
        **more,
    )


async def end(tx: Transaction, customers: Iterable[CustomerKey], at: datetime) -> None:
    """These customers speak for the shop no more, and nothing is kept of where they do."""
    # By the primary key.
    await tx.execute(
        f"""
        update partners p set status = 'ended', affiliate_id = null, commission_source = null, moved_at = :at
        from {_CUSTOMERS} where p.shop = w.shop and p.customer = w.customer
        """,
        at=at,
        **_CUSTOMERS.of(sorted(set(customers))),
    )

"""The rows of partners, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.database import Transaction

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
    # By the primary key; the figures by the index of the referrer.
    return await tx.fetch(
        f"""
        select p.*, r.brought, r.rewarded
        from partners p, lateral (
            select count(*) as brought, count(*) filter (where state = 'rewarded') as rewarded
            from referrals where shop = p.shop and referrer = p.customer
        ) as r
        where p.shop = :shop {condition} order by p.customer limit :limit
        """,
        shop=shop,
        limit=limit,
        **more,
    )

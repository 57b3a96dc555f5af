"""The rows of customers whom batches of coupons leave out, and samples of both groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction

_CUSTOMERS = Columns("w", shop="text", customer="text")


async def insert_held_out(
    tx: Transaction, shop: str, offer_id: str, batch: str, customers: Iterable[str], at: datetime
) -> None:
    """Idempotent; who has a coupon of the batch is not held out of it any more."""
    # In order of the primary key; who has one, by the unique index of batch and holder.
    await tx.execute(
        """
        insert into coupon_hold_outs (shop, offer_id, batch, customer, at)
        select :shop, :offer_id, :batch, w.customer, :at from unnest(cast(:customers as text[])) as w(customer)
        where not exists (select 1 from coupons c where c.shop = :shop and c.offer_id = :offer_id
                          and c.batch = :batch and c.holder = w.customer)
        order by w.customer on conflict do nothing
        """,
        shop=shop,
        offer_id=offer_id,
        batch=batch,
        customers=sorted(set(customers)),
        at=at,
    )


async def any_held_out(tx: Transaction, shop: str, offer_id: str, batch: str) -> bool:
    # By the primary key.
    return bool(
        await tx.value(
            """
            select exists (select 1 from coupon_hold_outs
                           where shop = :shop and offer_id = :offer_id and batch = :batch)
            """,
            shop=shop,
            offer_id=offer_id,
            batch=batch,
        )
    )


async def held_out_among(
    tx: Transaction, shop: str, offer_id: str, batch: str, customers: Iterable[str]
) -> frozenset[str]:
    """Those of these customers whom the batch leaves out."""
    # By the primary key.
    rows = await tx.fetch(
        """
        select h.customer from unnest(cast(:customers as text[])) as w(customer)
        join coupon_hold_outs h on h.shop = :shop and h.offer_id = :offer_id and h.batch = :batch
         and h.customer = w.customer
        """,
        shop=shop,
        offer_id=offer_id,
        batch=batch,
        customers=sorted(set(customers)),
    )
    return frozenset(row.customer for row in rows)


async def count_groups(tx: Transaction, shop: str, offer_id: str, batch: str, currency: str) -> Row[Any]:
    """`issued` and `held_out`: customers; `since` and `until`: the first and the last that was issued or held out;
    `taken_off`: by uses of the batch that stand, minor units of the currency; other ones are left out."""
    # By the unique index of batch and holder, the primary key of hold-outs, and the index of uses by offer.
    row = await tx.fetch_one(
        """
        select a.issued, b.held_out, least(a.since, b.since) as since, greatest(a.until, b.until) as until,
               (select coalesce(sum(u.amount), 0) from coupon_uses u
                join coupons c on c.shop = u.shop and c.code = u.code
                where u.shop = :shop and u.offer_id = :offer_id and u.status in ('reserved', 'committed')
                and c.batch = :batch and u.currency = :currency) as taken_off
        from (select count(*) as issued, min(issued_at) as since, max(issued_at) as until from coupons
              where shop = :shop and offer_id = :offer_id and batch = :batch and customer is not null) a,
             (select count(*) as held_out, min(at) as since, max(at) as until from coupon_hold_outs
              where shop = :shop and offer_id = :offer_id and batch = :batch) b
        """,
        shop=shop,
        offer_id=offer_id,
        batch=batch,
        currency=currency,
    )
    assert row is not None
    return row


async def sample_issued(
    tx: Transaction, shop: str, offer_id: str, batch: str, one_of: int
) -> Sequence[tuple[str, datetime]]:
    """One of so many customers with a coupon of the batch, always the same ones, and when it was issued."""
    # The batch, by its unique index.
    rows = await tx.fetch(
        """
        select customer, issued_at as at from coupons
        where shop = :shop and offer_id = :offer_id and batch = :batch and customer is not null
        and mod(hashtext(customer) & 2147483647, :one_of) = 0
        """,
        shop=shop,
        offer_id=offer_id,
        batch=batch,
        one_of=one_of,
    )
    return [(row.customer, row.at) for row in rows]


async def sample_held_out(
    tx: Transaction, shop: str, offer_id: str, batch: str, one_of: int
) -> Sequence[tuple[str, datetime]]:
    """The same, of those whom the batch leaves out."""
    # The batch, by the primary key.
    rows = await tx.fetch(
        """
        select customer, at from coupon_hold_outs where shop = :shop and offer_id = :offer_id and batch = :batch
        and mod(hashtext(customer) & 2147483647, :one_of) = 0
        """,
        shop=shop,
        offer_id=offer_id,
        batch=batch,
        one_of=one_of,
    )
    return [(row.customer, row.at) for row in rows]


async def delete(tx: Transaction, customers: Iterable[CustomerKey]) -> None:
    """Forget whom batches have left out."""
    # By the index of the customer.
    await tx.execute(
        f"delete from coupon_hold_outs t using {_CUSTOMERS} where t.shop = w.shop and t.customer = w.customer",
        **_CUSTOMERS.of(sorted(set(customers))),
    )

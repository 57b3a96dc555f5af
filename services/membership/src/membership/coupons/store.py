"""The rows of coupons: codes, each once a batch and holder; the last use of one is guarded by a constraint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.storage.columns import Columns
from common.storage.database import Transaction

_PROMOTIONS = 7_301_010
"""Namespace of the advisory locks that let a shop issue promotions one after the other."""
_OF = Columns("w", holder="text", customer="text")
_HOLDERS = Columns("w", code="text", holder="text", customer="text")


async def insert_coupons(
    tx: Transaction,
    shop: str,
    offer_id: str,
    batch: str,
    holders: Sequence[tuple[str, str, str | None]],
    valid: tuple[datetime, datetime],
    use_limit: int | None,
    at: datetime,
    guard: tuple[int, datetime] | None = None,
) -> list[tuple[str, str | None]]:
    """Coupons as (code, holder, customer); code and customer of the new. Who has one of the batch gets no other.

    `guard`: who was issued so many since then, under whichever identifier, gets none.
    """
    # In one order, so that two requests for one batch do not wait for each other in a circle. The codes come back as
    # one text: a row for each of ten thousand costs more than all that is done with them.
    made = await tx.value(
        f"""
        with made as (
            insert into coupons (shop, code, offer_id, batch, holder, customer, valid_from, valid_until, use_limit,
                                 issued_at)
            select :shop, code, :offer_id, :batch, holder, customer, :valid_from, :valid_until, :use_limit, :at
            from {_HOLDERS}
            where cast(:most as bigint) is null or customer is null or (
                select count(*) from coupons k
                where k.shop = :shop and k.issued_at > :since and k.customer in (
                    select w.customer
                    union
                    select s.customer from customers c join customers s on s.shop = c.shop
                      and (s.customer = coalesce(c.merged_into, c.customer)
                           or s.merged_into = coalesce(c.merged_into, c.customer))
                    where c.shop = :shop and c.customer = w.customer
                )
            ) < :most
            order by holder
            on conflict do nothing
            returning code
        ) select string_agg(code, ' ') from made
        """,
        shop=shop,
        offer_id=offer_id,
        batch=batch,
        valid_from=valid[0],
        valid_until=valid[1],
        use_limit=use_limit,
        at=at,
        most=None if guard is None else guard[0],
        since=None if guard is None else guard[1],
        **_HOLDERS.of(holders),
    )
    new = frozenset(made.split(" ")) if made else frozenset[str]()
    return [(code, customer) for code, _, customer in holders if code in new]


async def lock_promotions(tx: Transaction, shop: str) -> None:
    """One transaction at a time issues promotions of the shop, until it ends: what each counts is what stands."""
    # Only where the shop bounds them; the customers themselves may have no row to lock.
    await tx.execute("select pg_advisory_xact_lock(:space, hashtext(:shop))", space=_PROMOTIONS, shop=shop)


async def without_coupon(tx: Transaction, shop: str, offer_id: str, batch: str, customers: Iterable[str]) -> list[str]:
    """Those of these customers who have no coupon of the batch."""
    # By the unique index of batch and holder.
    rows = await tx.fetch(
        """
        select w.customer from unnest(cast(:customers as text[])) as w(customer)
        where not exists (
            select 1 from coupons c
            where c.shop = :shop and c.offer_id = :offer_id and c.batch = :batch and c.holder = w.customer
        )
        """,
        shop=shop,
        offer_id=offer_id,
        batch=batch,
        customers=sorted(set(customers)),
    )
    return [row.customer for row in rows]


async def with_one_of(
    tx: Transaction, shop: str, offer_id: str, batch: str, identifiers: Iterable[tuple[str, str]]
) -> set[str]:
    """Of (customer, identifier of the person) the customers who have a coupon of the batch under that identifier."""
    # By the unique index of batch and holder.
    rows = await tx.fetch(
        f"""
        select distinct w.holder from {_OF} join coupons c on c.shop = :shop and c.offer_id = :offer_id
            and c.batch = :batch and c.holder = w.customer
        """,
        shop=shop,
        offer_id=offer_id,
        batch=batch,
        **_OF.of(identifiers),
    )
    return {row.holder for row in rows}


async def with_usable(
    tx: Transaction, shop: str, offer_id: str, batch: str, identifiers: Iterable[tuple[str, str]], at: datetime
) -> set[str]:
    """Of (customer, identifier of the person) the customers who have a coupon of the offer that is open or will be.

    What the customer has of this very batch is not one: asked for again it is the same.
    """
    # By the index of a customer's coupons.
    rows = await tx.fetch(
        f"""
        select distinct w.holder from {_OF} join coupons c on c.shop = :shop and c.customer = w.customer
        where c.offer_id = :offer_id and (c.batch <> :batch or c.holder <> w.holder)
          and c.valid_until > :at and c.voided_at is null and (c.use_limit is null or c.uses < c.use_limit)
        """,
        shop=shop,
        offer_id=offer_id,
        batch=batch,
        at=at,
        **_OF.of(identifiers),
    )
    return {row.holder for row in rows}


async def list_coupons(
    tx: Transaction, shop: str, offer_id: str, batch: str, after: str, limit: int
) -> Sequence[Row[Any]]:
    """The coupons of a batch in order of their holders."""
    # By the unique index of batch and holder.
    return await tx.fetch(
        """
        select * from coupons where shop = :shop and offer_id = :offer_id and batch = :batch and holder > :after
        order by holder limit :limit
        """,
        shop=shop,
        offer_id=offer_id,
        batch=batch,
        after=after,
        limit=limit,
    )


_FOR_ALL = "c.customer is null and c.batch in ('', 'code') as for_all"
"""Whether it is everybody's: automatic, or a word that all may say."""


async def get_coupon(tx: Transaction, shop: str, code: str, *, lock: bool = False) -> Row[Any] | None:
    """Its row, with `for_all`."""
    # By the primary key.
    return await tx.fetch_one(
        f"select c.*, {_FOR_ALL} from coupons c where c.shop = :shop and c.code = :code {'for update' if lock else ''}",
        shop=shop,
        code=code,
    )


_USABLE = f"""
with open as (
    (select c.* from coupons c where c.shop = :shop and c.customer = any(:people) and c.valid_until > :at
     and c.voided_at is null and (c.use_limit is null or c.uses < c.use_limit)
     order by c.valid_until, c.code limit :limit)
    union
    select c.* from coupons c where c.shop = :shop and c.code = any(:codes)
    union
    select c.* from offers o
    join coupons c on c.shop = o.shop and c.code = o.offer_id and c.offer_id = o.offer_id
    where o.shop = :shop and o.ends > :at and o.starts <= :at and c.batch = ''
), usable as (
    select c.code, c.customer, c.valid_from, c.valid_until, c.voided_at, c.use_limit, c.uses,
           {_FOR_ALL}, o.offer_id, cast(o.terms as text) as terms,
           o.stopped_at, o.uses as offer_uses, o.spent, o.recorded_at,
           (select count(*) from coupon_uses u where u.shop = :shop and u.offer_id = o.offer_id
            and u.customer = any(:people) and u.status in ('reserved', 'committed')) as used_by_customer
    from open c join offers o on o.shop = c.shop and o.offer_id = c.offer_id
)
"""


async def usable_coupons(
    tx: Transaction,
    shop: str,
    people: Sequence[str],
    codes: Sequence[str],
    at: datetime,
    limit: int,
    beside: str | None = None,
    **more: Any,
) -> Sequence[Row[Any]]:
    """Coupons that are open at an instant: the customer's own, those of the codes, and automatic offers; with terms.

    `people`: all identifiers of the customer. The customer's own that end first come first. `beside`: a query of one
    row, with `more` parameters, whose columns stand in every row: as one statement both are of one instant. Where there
    is no coupon it stands in a row whose `code` is null.
    """
    # By the indexes of the customer, of the code, and of offers by their end.
    with_it = "select * from usable" if beside is None else f"select * from ({beside}) b left join usable on true"
    return await tx.fetch(
        f"{_USABLE} {with_it} order by code",
        shop=shop,
        people=list(people),
        codes=list(codes),
        at=at,
        limit=limit,
        **more,
    )


async def void_coupon(tx: Transaction, shop: str, code: str, at: datetime) -> None:
    # The first time counts.
    await tx.execute(
        "update coupons set voided_at = :at where shop = :shop and code = :code and voided_at is null",
        shop=shop,
        code=code,
        at=at,
    )

"""The rows of offers, coupons and their uses; what all customers share is guarded by constraints of the tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.storage.columns import Columns
from common.storage.database import Transaction
from membership.coupons.offer import Offer

_PROMOTIONS = 7_301_010
"""Namespace of the advisory locks that let a shop issue promotions one after the other."""
_HOLDERS = Columns("w", code="text", holder="text", customer="text")
_ORDERS = Columns("w", shop="text", order_id="text")


async def insert_offer(tx: Transaction, shop: str, offer_id: str, offer: Offer) -> bool:
    """False where there is one of that id."""
    # Waits for a transaction that inserts the same id, then finds it taken.
    count = await tx.execute(
        """
        insert into offers (shop, offer_id, terms, starts, ends, use_limit, budget)
        values (:shop, :id, cast(:terms as jsonb), :starts, :ends, :use_limit, :budget) on conflict do nothing
        """,
        shop=shop,
        id=offer_id,
        terms=offer.model_dump_json(),
        starts=offer.starts,
        ends=offer.ends,
        use_limit=offer.use_limit,
        budget=offer.budget,
    )
    return count == 1


async def get_offer(tx: Transaction, shop: str, offer_id: str, *, lock: bool = False) -> Row[Any] | None:
    # By the primary key.
    return await tx.fetch_one(
        f"""
        select shop, offer_id, cast(terms as text) as terms, starts, ends, stopped_at, uses, spent, recorded_at
        from offers where shop = :shop and offer_id = :id {"for update" if lock else ""}
        """,
        shop=shop,
        id=offer_id,
    )


async def list_offers(tx: Transaction, shop: str, after: str, limit: int) -> Sequence[Row[Any]]:
    # In order of the primary key.
    return await tx.fetch(
        """
        select shop, offer_id, cast(terms as text) as terms, starts, ends, stopped_at, uses, spent, recorded_at
        from offers where shop = :shop and offer_id > :after order by offer_id limit :limit
        """,
        shop=shop,
        after=after,
        limit=limit,
    )


async def offers_between(tx: Transaction, shop: str, start: datetime, end: datetime) -> Sequence[Row[Any]]:
    """Offers in force at some instant of [start, end)."""
    # By the index on ends; a shop has some hundred at most.
    return await tx.fetch(
        """
        select offer_id, cast(terms as text) as terms, starts, least(ends, stopped_at) as ends
        from offers where shop = :shop and ends > :start and starts < :end
        and (stopped_at is null or stopped_at > :start)
        order by starts, offer_id limit 1000
        """,
        shop=shop,
        start=start,
        end=end,
    )


async def figures_of(tx: Transaction, shop: str, offer_id: str) -> Row[Any]:
    """Coupons issued; uses by status, what they took off and what was paid for their orders."""
    # By the indexes of coupons and of uses by offer.
    row = await tx.fetch_one(
        """
        select (select count(*) from coupons where shop = :shop and offer_id = :id) as issued,
               count(*) filter (where status = 'reserved') as reserved,
               count(*) filter (where status = 'committed') as committed,
               count(*) filter (where status = 'over_limit') as over_limit,
               coalesce(sum(amount) filter (where status in ('committed', 'over_limit')), 0) as taken_off,
               coalesce(sum(paid) filter (where status in ('committed', 'over_limit')), 0) as revenue,
               count(distinct customer) filter (where status in ('committed', 'over_limit')) as customers
        from coupon_uses where shop = :shop and offer_id = :id
        """,
        shop=shop,
        id=offer_id,
    )
    assert row is not None
    return row


async def stop_offer(tx: Transaction, shop: str, offer_id: str, at: datetime) -> None:
    # The first stop counts.
    await tx.execute(
        "update offers set stopped_at = :at where shop = :shop and offer_id = :id and stopped_at is null",
        shop=shop,
        id=offer_id,
        at=at,
    )


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


async def get_coupon(tx: Transaction, shop: str, code: str, *, lock: bool = False) -> Row[Any] | None:
    # By the primary key.
    return await tx.fetch_one(
        f"select * from coupons where shop = :shop and code = :code {'for update' if lock else ''}",
        shop=shop,
        code=code,
    )


async def usable_coupons(
    tx: Transaction, shop: str, people: Sequence[str], codes: Sequence[str], at: datetime, limit: int
) -> Sequence[Row[Any]]:
    """Coupons that are open at an instant: the customer's own, those of the codes, and automatic offers; with terms.

    `people`: all identifiers of the customer. The customer's own that end first come first.
    """
    # By the indexes of the customer, of the code, and of offers by their end.
    return await tx.fetch(
        """
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
        )
        select c.code, c.customer, c.valid_from, c.valid_until, c.voided_at, c.use_limit, c.uses,
               o.offer_id, cast(o.terms as text) as terms, o.stopped_at, o.uses as offer_uses, o.spent,
               (select count(*) from coupon_uses u where u.shop = :shop and u.offer_id = o.offer_id
                and u.customer = any(:people) and u.status in ('reserved', 'committed')) as used_by_customer
        from open c join offers o on o.shop = c.shop and o.offer_id = c.offer_id
        order by c.code
        """,
        shop=shop,
        people=list(people),
        codes=list(codes),
        at=at,
        limit=limit,
    )


async def void_coupon(tx: Transaction, shop: str, code: str, at: datetime) -> None:
    # The first time counts.
    await tx.execute(
        "update coupons set voided_at = :at where shop = :shop and code = :code and voided_at is null",
        shop=shop,
        code=code,
        at=at,
    )


async def get_use(tx: Transaction, shop: str, order_id: str, code: str) -> Row[Any] | None:
    # By the primary key.
    return await tx.fetch_one(
        "select * from coupon_uses where shop = :shop and order_id = :order_id and code = :code",
        shop=shop,
        order_id=order_id,
        code=code,
    )


async def count_uses(tx: Transaction, shop: str, offer_id: str, people: Sequence[str]) -> int:
    """Uses of an offer that stand, by a customer under any of their identifiers."""
    # By the index of uses by customer; the offer's row is locked, so nobody adds one meanwhile.
    return int(
        await tx.value(
            """
            select count(*) from coupon_uses where shop = :shop and offer_id = :offer_id and customer = any(:people)
            and status in ('reserved', 'committed')
            """,
            shop=shop,
            offer_id=offer_id,
            people=list(people),
        )
    )


async def add_uses(tx: Transaction, shop: str, offer_id: str, code: str, uses: int, amount: int) -> None:
    """So many more uses of a coupon and its offer, or fewer; both rows are locked."""
    # The constraints of the tables hold whatever was looked at before.
    await tx.execute(
        "update coupons set uses = uses + :uses where shop = :shop and code = :code", shop=shop, code=code, uses=uses
    )
    # The same for the offer.
    await tx.execute(
        "update offers set uses = uses + :uses, spent = spent + :amount where shop = :shop and offer_id = :id",
        shop=shop,
        id=offer_id,
        uses=uses,
        amount=amount,
    )


async def save_use(tx: Transaction, gifts: Sequence[str] | None = None, **use: Any) -> None:
    """A use as it stands now; `gifts`: SKUs that come with it, None: as they were."""
    # The coupon's row is locked.
    await tx.execute(
        """
        insert into coupon_uses (shop, order_id, code, offer_id, customer, amount, currency, status, paid,
                                 order_revision, at, moved_at, promised, refused, gifts)
        values (:shop, :order_id, :code, :offer_id, :customer, :amount, :currency, :status, :paid,
                :order_revision, :at, :at, :promised, :refused, coalesce(cast(:gifts as text[]), '{}'))
        on conflict (shop, order_id, code) do update set customer = excluded.customer, amount = excluded.amount,
            currency = excluded.currency, status = excluded.status, paid = excluded.paid,
            order_revision = excluded.order_revision, moved_at = excluded.moved_at, promised = excluded.promised,
            refused = excluded.refused, gifts = coalesce(cast(:gifts as text[]), coupon_uses.gifts)
        """,
        gifts=None if gifts is None else list(gifts),
        **use,
    )


async def gifts_of_customer(tx: Transaction, shop: str, people: Sequence[str], limit: int) -> Sequence[Row[Any]]:
    """Uses that brought a person gifts and stand, the newest first (MEM-064)."""
    # By the index of uses with gifts.
    return await tx.fetch(
        """
        select offer_id, code, order_id, status, gifts, at from coupon_uses
        where shop = :shop and customer = any(:people) and gifts <> '{}' and status in ('reserved', 'committed')
        order by at desc, order_id, code limit :limit
        """,
        shop=shop,
        people=list(people),
        limit=limit,
    )


async def given_of_series(
    tx: Transaction, shop: str, offers: Sequence[str], people: Sequence[str]
) -> Mapping[str, frozenset[str]]:
    """By offer, the SKUs that a person was given with it, on orders that stand."""
    # By the index of uses by offer and customer.
    rows = await tx.fetch(
        """
        select u.offer_id, array_agg(distinct g.sku) as skus
        from coupon_uses u, unnest(u.gifts) as g(sku)
        where u.shop = :shop and u.offer_id = any(:offers) and u.customer = any(:people)
        and u.status in ('reserved', 'committed') group by u.offer_id
        """,
        shop=shop,
        offers=list(offers),
        people=list(people),
    )
    return {row.offer_id: frozenset(row.skus) for row in rows}


async def shops_with_offers(tx: Transaction, shops: Iterable[str]) -> set[str]:
    """Of these shops, those that ever set an offer."""
    # A look into the primary key for each shop.
    rows = await tx.fetch(
        """
        select shop from unnest(cast(:shops as text[])) as w(shop)
        where exists (select 1 from offers o where o.shop = w.shop)
        """,
        shops=sorted(set(shops)),
    )
    return {row.shop for row in rows}


async def uses_of_orders(tx: Transaction, orders: Iterable[tuple[str, str]]) -> Sequence[Row[Any]]:
    """The uses on these orders, by (shop, order)."""
    # By the primary key.
    return await tx.fetch(
        f"select u.* from {_ORDERS} join coupon_uses u on u.shop = w.shop and u.order_id = w.order_id",
        **_ORDERS.of(sorted(set(orders))),
    )


async def unbalanced(tx: Transaction) -> Sequence[Row[Any]]:
    """Offers and coupons whose counts are not the uses that stand."""
    # Reads both tables whole: for verify alone.
    return await tx.fetch(
        """
        select o.shop, o.offer_id as name, o.uses, o.spent, coalesce(u.uses, 0) as counted,
               coalesce(u.spent, 0) as summed
        from offers o left join (
            select shop, offer_id, count(*) as uses, sum(amount) as spent from coupon_uses
            where status in ('reserved', 'committed') group by shop, offer_id
        ) u on u.shop = o.shop and u.offer_id = o.offer_id
        where o.uses <> coalesce(u.uses, 0) or o.spent <> coalesce(u.spent, 0)
        union all
        select c.shop, c.code, c.uses, 0, coalesce(u.uses, 0), 0
        from coupons c left join (
            select shop, code, count(*) as uses from coupon_uses
            where status in ('reserved', 'committed') group by shop, code
        ) u on u.shop = c.shop and u.code = c.code
        where c.uses <> coalesce(u.uses, 0)
        """
    )

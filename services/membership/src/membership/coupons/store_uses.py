"""The rows of uses of coupons on orders, and the counts of coupons and offers that go with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from common.storage.columns import Columns
from common.storage.database import Transaction

_ORDERS = Columns("w", shop="text", order_id="text")


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


async def add_uses(tx: Transaction, shop: str, offer_id: str, code: str, uses: int, amount: int, currency: str) -> None:
    """So many more uses of a coupon and its offer, or fewer; both rows are locked."""
    # The constraints of the tables hold whatever was looked at before.
    await tx.execute(
        "update coupons set uses = uses + :uses where shop = :shop and code = :code", shop=shop, code=code, uses=uses
    )
    # The same for the offer.
    await tx.execute(
        """
        update offers set uses = uses + :uses, spent = spent + :amount, spent_by = jsonb_strip_nulls(
            spent_by || jsonb_build_object(
                cast(:currency as text), nullif(coalesce(cast(spent_by ->> :currency as bigint), 0) + :amount, 0)
            )
        ) where shop = :shop and offer_id = :id
        """,
        shop=shop,
        id=offer_id,
        uses=uses,
        amount=amount,
        currency=currency,
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


async def keep_gifts(
    tx: Transaction, shop: str, order_id: str, code: str, gifts: Sequence[str], *, guessed: bool = False
) -> None:
    """SKUs that came with a use; those that are guessed only where none are known yet."""
    # By the primary key; the coupon's row is locked.
    await tx.execute(
        """
        update coupon_uses set gifts = cast(:gifts as text[])
        where shop = :shop and order_id = :order_id and code = :code and (not :guessed or gifts = '{}')
        """,
        shop=shop,
        order_id=order_id,
        code=code,
        gifts=list(gifts),
        guessed=guessed,
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
            select shop, offer_id, sum(uses) as uses, sum(spent) as spent,
                   jsonb_object_agg(currency, spent) filter (where spent <> 0) as spent_by
            from (
                select shop, offer_id, currency, count(*) as uses, sum(amount) as spent from coupon_uses
                where status in ('reserved', 'committed') group by shop, offer_id, currency
            ) each group by shop, offer_id
        ) u on u.shop = o.shop and u.offer_id = o.offer_id
        where o.uses <> coalesce(u.uses, 0) or o.spent <> coalesce(u.spent, 0)
        or o.spent_by <> coalesce(u.spent_by, '{}')
        union all
        select c.shop, c.code, c.uses, 0, coalesce(u.uses, 0), 0
        from coupons c left join (
            select shop, code, count(*) as uses from coupon_uses
            where status in ('reserved', 'committed') group by shop, code
        ) u on u.shop = c.shop and u.code = c.code
        where c.uses <> coalesce(u.uses, 0)
        """
    )

"""Buyer types and shifting tastes as announced last, and how far the customers of each shop have been typed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.crypto.erasing import NOT_ERASED
from common.events import CustomerKey, Event
from common.events.segments import BuyerType, BuyerTypeChanged, PreferenceShifted
from common.storage.columns import Columns
from common.storage.database import Transaction
from segmentation.buyer_types.state import UNTYPED, Kept

_TYPES = Columns("w", shop="text", customer="text", type="text", confidence="text")
_SHIFTS = Columns("w", shop="text", customer="text", rising="text", falling="text")
_KEYS = Columns("w", shop="text", customer="text")
_BETWEEN = "\x1f"
"""Between categories of an array that is handed over as a text; no name has it."""


async def list_repurchasers(tx: Transaction, shop: str, customers: Sequence[str]) -> dict[str, int]:
    """Completed orders of those of these customers who have two or more, and are not erased."""
    # By primary key.
    rows = await tx.fetch(
        f"""
        select customer, completed_orders from customers w
        where shop = :shop and customer = any(:customers) and completed_orders > 1 and state is not null
          and {NOT_ERASED}
        """,
        shop=shop,
        customers=list(customers),
    )
    return {row.customer: row.completed_orders for row in rows}


async def get_kept(tx: Transaction, shop: str, customers: Sequence[str]) -> dict[str, Kept]:
    """What was announced last of each of these customers."""
    # By two primary keys.
    rows = await tx.fetch(
        """
        select w.customer, t.type, t.confidence, s.rising, s.falling
        from unnest(cast(:customers as text[])) as w (customer)
        left join customer_types t on t.shop = :shop and t.customer = w.customer
        left join taste_shifts s on s.shop = :shop and s.customer = w.customer
        """,
        shop=shop,
        customers=list(customers),
    )
    return {
        row.customer: Kept(
            row.type, row.confidence or UNTYPED.confidence, tuple(row.rising or ()), tuple(row.falling or ())
        )
        for row in rows
    }


async def save_types(tx: Transaction, facts: Sequence[Event[Any]]) -> None:
    """Keep what these facts announce, of each customer the last. Idempotent. Of an erased customer nothing is kept."""
    types = {e.customer: e.data for e in facts if isinstance(e.data, BuyerTypeChanged)}
    shifts = {e.customer: e.data for e in facts if isinstance(e.data, PreferenceShifted)}
    if types:
        # By primary key, sorted.
        await tx.execute(
            f"""
            insert into customer_types (shop, customer, type, confidence)
            select shop, customer, type, confidence from {_TYPES} where {NOT_ERASED}
            on conflict (shop, customer) do update set type = excluded.type, confidence = excluded.confidence
            """,
            **_TYPES.of((*key, data.new, data.confidence) for key, data in sorted(types.items())),
        )
    if shifts:
        # By primary key, sorted.
        await tx.execute(
            f"""
            insert into taste_shifts (shop, customer, rising, falling)
            select shop, customer, string_to_array(rising, :between), string_to_array(falling, :between)
            from {_SHIFTS} where {NOT_ERASED}
            on conflict (shop, customer) do update set rising = excluded.rising, falling = excluded.falling
            """,
            between=_BETWEEN,
            **_SHIFTS.of(
                (*key, _BETWEEN.join(data.rising), _BETWEEN.join(data.falling)) for key, data in sorted(shifts.items())
            ),
        )


async def erase_types(tx: Transaction, customers: Sequence[CustomerKey]) -> None:
    """Remove what was found of them."""
    # By primary key.
    await tx.execute(
        f"delete from customer_types t using {_KEYS} where t.shop = w.shop and t.customer = w.customer",
        **_KEYS.of(customers),
    )
    # By primary key.
    await tx.execute(
        f"delete from taste_shifts t using {_KEYS} where t.shop = w.shop and t.customer = w.customer",
        **_KEYS.of(customers),
    )


async def count_types(tx: Transaction, shop: str) -> dict[BuyerType, int]:
    """Customers of each type."""
    # One pass over the shop's part of the index.
    rows = await tx.fetch(
        """
        select type, count(*) as customers from customer_types where shop = :shop and type is not null group by type
        """,
        shop=shop,
    )
    return {row.type: row.customers for row in rows}


async def list_of_type(
    tx: Transaction, shop: str, type_: BuyerType, confidence: str | None, after: str, limit: int
) -> Sequence[Row[Any]]:
    """Rows customer, confidence of who is of the type, those behind `after`, in order of id."""
    # By the index on types.
    return await tx.fetch(
        """
        select customer, confidence from customer_types
        where shop = :shop and type = :type and customer > :after
          and (cast(:confidence as text) is null or confidence = :confidence)
        order by customer limit :limit
        """,
        shop=shop,
        type=type_,
        confidence=confidence,
        after=after,
        limit=limit,
    )


async def list_shifting(tx: Transaction, shop: str, category: str | None, after: str, limit: int) -> Sequence[Row[Any]]:
    """Rows customer, rising, falling of those behind `after` in whose taste (for the category) something shifts."""
    # By primary key; it has no more rows than customers whose taste ever shifted.
    return await tx.fetch(
        """
        select customer, rising, falling from taste_shifts
        where shop = :shop and customer > :after and rising || falling <> '{}'
          and (cast(:category as text) is null or :category = any(rising || falling))
        order by customer limit :limit
        """,
        shop=shop,
        category=category,
        after=after,
        limit=limit,
    )


async def start_typing(tx: Transaction, shop: str, from_at: datetime, *, again: bool) -> None:
    """Have every customer typed from then on; a shop that is not kept begins, unless `again`: then it stays without."""
    if again:
        # By primary key.
        await tx.execute(
            "update typings set from_at = :from_at, after = '' where shop = :shop", shop=shop, from_at=from_at
        )
        return
    # By primary key.
    await tx.execute(
        "insert into typings (shop, from_at, after) values (:shop, :from_at, '') on conflict do nothing",
        shop=shop,
        from_at=from_at,
    )


async def get_typing(tx: Transaction, shop: str) -> Row[Any] | None:
    """Row from_at, after of the shop; None: its customers' types are not kept."""
    # By primary key.
    return await tx.fetch_one("select from_at, after from typings where shop = :shop", shop=shop)


async def lock_untyped(tx: Transaction, now: datetime) -> tuple[str, str] | None:
    """A shop whose customers are to be typed, and behind whom, locked; without those set aside."""
    # One worker a shop: the row is skipped while somebody else holds it.
    row = await tx.fetch_one(
        """
        select shop, after from typings t where after is not null and from_at <= :now and not exists (
            select from set_aside a where a.job = 'types' and a.shop = t.shop
        )
        order by shop limit 1 for update skip locked
        """,
        now=now,
    )
    return None if row is None else (row.shop, row.after)


async def save_typed(tx: Transaction, shop: str, after: str | None) -> None:
    """Customers up to here have been typed; None: all."""
    # The row is locked by this transaction.
    await tx.execute("update typings set after = :after where shop = :shop", shop=shop, after=after)


async def count_untyped(tx: Transaction, now: datetime) -> int:
    """Shops of which customers are still to be typed, without those set aside."""
    # A row a shop.
    return int(
        await tx.value(
            """
            select count(*) from typings t where after is not null and from_at <= :now and not exists (
                select from set_aside a where a.job = 'types' and a.shop = t.shop
            )
            """,
            now=now,
        )
    )


async def list_page(tx: Transaction, shop: str, after: str, limit: int) -> list[str]:
    """The next customers behind `after` of whom anything was folded, or kept, in order of id."""
    # By primary key.
    rows = await tx.fetch(
        "select customer from customers where shop = :shop and customer > :after order by customer limit :limit",
        shop=shop,
        after=after,
        limit=limit,
    )
    return [row.customer for row in rows]

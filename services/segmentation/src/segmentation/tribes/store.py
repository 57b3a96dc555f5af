"""What tribes are told by, of one customer and of all, from profiles and customers as they stand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row

from common.crypto.erasing import NOT_ERASED
from common.storage.database import Transaction
from segmentation.tribes.rules import CONFIDENCE_SQL, TRIBE_SQL, Seen


async def get_seen(tx: Transaction, shop: str, customer: str, today: date) -> Seen:
    """What is seen of the customer; of one who is not known, nothing."""
    # By two primary keys.
    row = await tx.fetch_one(
        """
        select t.born_from, t.life_state, t.gender, t.city_level, c.rfm_class, c.completed_orders
        from customers c left join profiles_of_people t on t.shop = :shop and t.customer = :customer
        where c.shop = :shop and c.customer = :customer
        """,
        shop=shop,
        customer=customer,
    )
    return Seen(today.year) if row is None else Seen(today.year, *row)


async def count_tribes(tx: Transaction, shop: str, today: date) -> Sequence[Row[Any]]:
    """Rows tribe, confidence, customers; without those erased."""
    # One pass over the shop's profiles, their customers by primary key.
    return await tx.fetch(
        f"""
        select tribe, confidence, count(*) as customers from (
            select {TRIBE_SQL} as tribe, {CONFIDENCE_SQL} as confidence
            from (
                select * from profiles_of_people w where shop = :shop and {NOT_ERASED}
            ) t join customers c on c.shop = t.shop and c.customer = t.customer
        ) placed where tribe is not null group by tribe, confidence
        """,
        shop=shop,
        today=today,
    )

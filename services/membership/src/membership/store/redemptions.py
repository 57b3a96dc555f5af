"""Which redemptions were accepted, and which of them returned?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.db import Transaction
from common.events import Event
from common.events.membership import PointsRedeemed, RedemptionReturned


async def insert_redemption(
    tx: Transaction, shop: str, customer: str, data: PointsRedeemed, at: datetime, order_total: int | None = None
) -> bool:
    """Remember an accepted redemption; False when its id is taken, by this customer or another."""
    # Waits for whoever inserts the same id, then finds it taken.
    count = await tx.execute(
        """
        insert into redemptions (shop, customer, redemption_id, points, worth, currency, order_id, order_total, at)
        values (:shop, :customer, :redemption_id, :points, :worth, :currency, :order_id, :order_total, :at)
        on conflict do nothing
        """,
        shop=shop,
        customer=customer,
        redemption_id=data.redemption_id,
        points=data.points,
        worth=data.worth,
        currency=data.currency,
        order_id=data.order_id,
        order_total=order_total,
        at=at,
    )
    return count == 1


async def save_commands(tx: Transaction, events: Iterable[Event[Any]]) -> None:
    """Keep the redemptions' table in step with the commands that were folded, live or in a rebuild."""
    for event in events:
        shop, customer = event.customer
        if isinstance(event.data, PointsRedeemed):
            await insert_redemption(tx, shop, customer, event.data, event.time)
        elif isinstance(event.data, RedemptionReturned):
            # First return counts.
            await tx.execute(
                """
                update redemptions set returned_at = coalesce(returned_at, :at)
                where shop = :shop and customer = :customer and redemption_id = :id
                """,
                at=event.time,
                shop=shop,
                customer=customer,
                id=event.data.redemption_id,
            )


async def get_redemption(tx: Transaction, shop: str, redemption_id: str) -> Row[Any] | None:
    # By id alone: a return names no customer.
    return await tx.fetch_one(
        "select * from redemptions where shop = :shop and redemption_id = :id", shop=shop, id=redemption_id
    )

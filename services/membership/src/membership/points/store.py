"""Accepted redemptions: what was asked, and where each stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey, Event
from common.events.membership import PointsRedeemed
from common.fold.folding import Step
from common.storage.database import Transaction
from membership.fold import RedemptionStanding
from membership.histories.ranges import within

_ORDERS = 7_301_006
"""Namespace of the advisory locks that let one redemption at a time be judged against an order."""


async def insert_redemptions(tx: Transaction, events: Iterable[Event[Any]]) -> None:
    """Keep the redemptions among the inputs, live or in a rebuild. An id that is taken stays whose it was."""
    found = [(*event.customer, event.data, event.time) for event in events if isinstance(event.data, PointsRedeemed)]
    if not found:
        return
    # Waits for whoever inserts the same id, then finds it taken.
    await tx.execute(
        """
        insert into redemptions (shop, customer, redemption_id, points, worth, currency, order_id, order_total, at)
        select * from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:ids as text[]),
                             cast(:points as bigint[]), cast(:worths as bigint[]), cast(:currencies as text[]),
                             cast(:orders as text[]), cast(:totals as bigint[]), cast(:times as timestamptz[]))
        on conflict do nothing
        """,
        shops=[shop for shop, *_ in found],
        customers=[customer for _, customer, *_ in found],
        ids=[data.redemption_id for *_, data, _ in found],
        points=[data.points for *_, data, _ in found],
        worths=[data.worth for *_, data, _ in found],
        currencies=[data.currency for *_, data, _ in found],
        orders=[data.order_id for *_, data, _ in found],
        totals=[data.order_total for *_, data, _ in found],
        times=[at for *_, at in found],
    )


async def save_standings(tx: Transaction, steps: Sequence[Step]) -> None:
    """Where the redemptions stand that these steps touched; of several steps the last counts."""
    found: dict[tuple[str, str, str], RedemptionStanding] = {
        (*step.customer, effect.data.redemption_id): effect.data
        for step in steps
        for effect in step.effects
        if isinstance(effect.data, RedemptionStanding)
    }
    if not found:
        return
    # By the primary key; the customers are locked.
    await tx.execute(
        """
        update redemptions r set status = u.status, returned = u.returned, returned_at = u.ended
        from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:ids as text[]),
                    cast(:statuses as text[]), cast(:returned as bigint[]), cast(:ended as timestamptz[]))
             as u(shop, customer, redemption_id, status, returned, ended)
        where r.shop = u.shop and r.customer = u.customer and r.redemption_id = u.redemption_id
        """,
        shops=[shop for shop, _, _ in found],
        customers=[customer for _, customer, _ in found],
        ids=[name for _, _, name in found],
        statuses=[standing.status for standing in found.values()],
        returned=[standing.returned for standing in found.values()],
        ended=[standing.ended for standing in found.values()],
    )


async def get_redemption(tx: Transaction, shop: str, redemption_id: str) -> Row[Any] | None:
    # By id alone: a return names no customer.
    return await tx.fetch_one(
        "select * from redemptions where shop = :shop and redemption_id = :id", shop=shop, id=redemption_id
    )


async def list_redemptions(tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> Sequence[Row[Any]]:
    """All redemptions of the customers behind `after` through `last`."""
    stretch, bounds = within(after, last)
    # By the primary key.
    return await tx.fetch(f"select * from redemptions where {stretch}", **bounds)


async def lock_order(tx: Transaction, shop: str, order_id: str) -> int:
    """Points redeemed on the order and not returned, whoever redeemed them; nobody adds any until the commit."""
    # Closes the race of two customers redeeming on one order, whose own rows do not meet.
    await tx.fetch("select pg_advisory_xact_lock(:space, hashtext(:name))", space=_ORDERS, name=f"{shop}/{order_id}")
    # A few rows of one order.
    return int(
        await tx.value(
            """
            select coalesce(sum(points - returned), 0) from redemptions
            where shop = :shop and order_id = :order_id and status <> 'returned'
            """,
            shop=shop,
            order_id=order_id,
        )
    )

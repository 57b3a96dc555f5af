"""The rows of accepted redemptions: what was asked, and the state of each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey, Event
from common.events.membership import PointsRedeemed
from common.fold.folding import Step
from common.storage.columns import Columns
from common.storage.database import Transaction
from membership.histories.ranges import within
from membership.points.state import RedemptionRow, RedemptionStatus

_ORDERS = 7_301_006
"""Namespace of the advisory locks that let one redemption at a time be checked against an order."""


_CUSTOMERS = Columns("w", shop="text", customer="text")
_NEW = Columns(
    "n",
    shop="text",
    customer="text",
    redemption_id="text",
    points="bigint",
    worth="bigint",
    currency="text",
    order_id="text",
    order_total="bigint",
    at="timestamptz",
)
_CHANGED = Columns(
    "u", shop="text", customer="text", redemption_id="text", status="text", returned="bigint", ended="timestamptz"
)


async def insert_redemptions(tx: Transaction, events: Iterable[Event[Any]]) -> None:
    """Keep the redemptions among the inputs, live or in a rebuild. An id that is taken stays whose it was."""
    found = [
        (*e.customer, d.redemption_id, d.points, d.worth, d.currency, d.order_id, d.order_total, e.time)
        for e in events
        if isinstance(d := e.data, PointsRedeemed)
    ]
    if not found:
        return
    # Waits for a transaction that inserts the same id, then finds it taken.
    await tx.execute(
        f"""
        insert into redemptions (shop, customer, redemption_id, points, worth, currency, order_id, order_total, at)
        select * from {_NEW}
        on conflict do nothing
        """,
        **_NEW.of(found),
    )


async def save_redemptions(tx: Transaction, steps: Sequence[Step]) -> None:
    """The state of the redemptions that these steps changed; of several steps the last counts."""
    found: dict[tuple[str, str, str], RedemptionRow] = {
        (*step.customer, effect.data.redemption_id): effect.data
        for step in steps
        for effect in step.effects
        if isinstance(effect.data, RedemptionRow)
    }
    if not found:
        return
    # By the primary key; the customers are locked.
    await tx.execute(
        f"""
        update redemptions r set status = u.status, returned = u.returned, returned_at = u.ended
        from {_CHANGED}
        where r.shop = u.shop and r.customer = u.customer and r.redemption_id = u.redemption_id
        """,
        **_CHANGED.of((*key[:2], *row) for key, row in found.items()),
    )


def state_of(row: Row[Any]) -> tuple[str, RedemptionStatus, int, datetime | None]:
    """The redemption's state, in the order of RedemptionRow."""
    return row.redemption_id, row.status, row.returned, row.returned_at


async def get_of_customers(tx: Transaction, keys: Collection[CustomerKey]) -> dict[CustomerKey, list[Row[Any]]]:
    """All redemptions of these customers; who has none is left out."""
    # Of each a range of the primary key, whatever the plan (decision 0080).
    rows = await tx.fetch(
        f"""
        select r.* from {_CUSTOMERS} cross join lateral (
            select * from redemptions r where r.shop = w.shop and r.customer = w.customer order by redemption_id
        ) r
        """,
        **_CUSTOMERS.of(keys),
    )
    found: dict[CustomerKey, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault((row.shop, row.customer), []).append(row)
    return found


async def move_redemptions(tx: Transaction, customers: Collection[CustomerKey]) -> None:
    """Give the redemptions of these customers to those in whose histories they stand."""
    # By the index of histories on customer and time, then by id.
    await tx.execute(
        f"""
        update redemptions r set customer = h.customer
        from {_CUSTOMERS} join history h on h.shop = w.shop and h.customer = w.customer
        where h.type = :type and r.shop = h.shop and r.redemption_id = cast(h.fields as json) ->> 'redemption_id'
            and r.customer <> h.customer
        """,
        type=PointsRedeemed.TYPE,
        **_CUSTOMERS.of(customers),
    )


async def get_origin(tx: Transaction, row: Row[Any]) -> str:
    """Under whose identifier the redemption came: what returns it is recorded under the same one."""
    # By the index of histories on customer and time.
    found: str = await tx.value(
        """
        select coalesce(origin, customer) from history
        where shop = :shop and customer = :customer and at = :at and type = :type
            and cast(fields as json) ->> 'redemption_id' = :id
        """,
        shop=row.shop,
        customer=row.customer,
        at=row.at,
        type=PointsRedeemed.TYPE,
        id=row.redemption_id,
    )
    return found


async def get_redemption(tx: Transaction, shop: str, redemption_id: str) -> Row[Any] | None:
    # By id alone: a return names no customer.
    return await tx.fetch_one(
        "select * from redemptions where shop = :shop and redemption_id = :id", shop=shop, id=redemption_id
    )


async def list_redemptions(tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> Sequence[Row[Any]]:
    """All redemptions of the customers behind `after` through `last`."""
    condition, bounds = within(after, last)
    # By the primary key.
    return await tx.fetch(f"select * from redemptions where {condition}", **bounds)


async def lock_order(tx: Transaction, shop: str, order_id: str) -> int:
    """Points redeemed on the order and not returned, by all customers; nobody adds any until the commit."""
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

"""The rows of changes by hand: who asked for what and why, and who decided; an audit that nobody deletes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.database import Transaction
from common.values.people import is_same_person
from membership.histories.ranges import within
from membership.manual_changes.state import Asked, Kind, State


async def insert_change(
    tx: Transaction, key: CustomerKey, asked: Asked, reason: str | None, state: State, at: datetime
) -> bool:
    """`reason` as it is stored, encrypted. False where the id is taken."""
    # Waits for a transaction that inserts the same id, then finds it taken.
    count = await tx.execute(
        """
        insert into manual_changes (shop, customer, command_id, kind, points, tier, reason, asked_by, asked_at, state,
                                    decided_at)
        values (:shop, :customer, :id, :kind, :points, :tier, :reason, :by, :at, :state,
                :decided_at)
        on conflict do nothing
        """,
        shop=key[0],
        customer=key[1],
        id=asked.command_id,
        kind=asked.kind,
        points=asked.points,
        tier=asked.tier,
        reason=reason,
        by=asked.by,
        at=at,
        state=state,
        decided_at=at if state == "granted" else None,
    )
    return count == 1


async def decide(tx: Transaction, shop: str, command_id: str, state: State, by: str, at: datetime) -> None:
    # By the primary key; the customer is locked.
    await tx.execute(
        """
        update manual_changes set state = :state, decided_by = :by, decided_at = :at
        where shop = :shop and command_id = :id and state = 'proposed'
        """,
        shop=shop,
        id=command_id,
        state=state,
        by=by,
        at=at,
    )


async def get_change(tx: Transaction, shop: str, command_id: str) -> Row[Any] | None:
    # By the primary key.
    return await tx.fetch_one(
        "select * from manual_changes where shop = :shop and command_id = :id", shop=shop, id=command_id
    )


async def list_changes(
    tx: Transaction, shop: str, kind: Kind, state: State | None, after: str, limit: int
) -> Sequence[Row[Any]]:
    """A page of a shop's changes in order of their ids."""
    # Those that wait by their own index, all by the primary key.
    return await tx.fetch(
        f"""
        select * from manual_changes where shop = :shop and kind = :kind and command_id > :after
        {"" if state is None else "and state = :state"} order by command_id limit :limit
        """,
        shop=shop,
        kind=kind,
        after=after,
        limit=limit,
        **({} if state is None else {"state": state}),
    )


async def list_of_customer(tx: Transaction, key: CustomerKey, kind: Kind, after: str, limit: int) -> Sequence[Row[Any]]:
    """A page of one member's changes in order of their ids."""
    # By the index of the customer.
    return await tx.fetch(
        """
        select * from manual_changes where shop = :shop and customer = :customer and kind = :kind
        and command_id > :after order by command_id limit :limit
        """,
        shop=key[0],
        customer=key[1],
        kind=kind,
        after=after,
        limit=limit,
    )


async def points_alone(tx: Transaction, people: Sequence[CustomerKey], since: datetime) -> int:
    """Points of one member, under all identifiers, added and taken since then without a second person, both counted as
    positive."""
    # By the index of the customer.
    return int(
        await tx.value(
            """
            select coalesce(sum(abs(points)), 0) from manual_changes where shop = :shop and customer = any(:people)
            and kind = 'points' and state = 'granted' and decided_by is null and asked_at >= :since
            """,
            shop=people[0][0],
            people=[name for _, name in people],
            since=since,
        )
    )


async def points_alone_by(tx: Transaction, shop: str, by: str, since: datetime) -> int:
    """The same of all members, by this person, however the name is written."""
    # By the index of what was asked for, the day's; a row a name.
    rows = await tx.fetch(
        """
        select asked_by, sum(abs(points)) as points from manual_changes where shop = :shop and kind = 'points'
        and state = 'granted' and decided_by is null and asked_at >= :since group by asked_by
        """,
        shop=shop,
        since=since,
    )
    return sum(int(row.points) for row in rows if is_same_person(row.asked_by, by))


async def count_grants(tx: Transaction, shop: str, by: str, since: datetime) -> int:
    """Tiers that the person, however the name is written, has asked for since then, and that are granted or wait."""
    # By the index of what was asked for, the month's; a row a name.
    rows = await tx.fetch(
        """
        select asked_by, count(*) as grants from manual_changes
        where shop = :shop and kind = 'tier' and state <> 'refused' and asked_at >= :since group by asked_by
        """,
        shop=shop,
        since=since,
    )
    return sum(row.grants for row in rows if is_same_person(row.asked_by, by))


async def list_granted(tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> Sequence[Row[Any]]:
    """Granted changes of the customers behind `after` through `last`."""
    condition, bounds = within(after, last)
    # By the index of the customer.
    return await tx.fetch(f"select * from manual_changes where state = 'granted' and {condition}", **bounds)

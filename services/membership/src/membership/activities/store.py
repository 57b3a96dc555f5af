"""The rows of activities and of who takes part; the last place is guarded by a constraint of the table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from membership.activities.rules import Status
from membership.activities.terms import Activity

_SHOWN = "shop, activity_id, cast(terms as text) as terms, starts, ends, places, taken, seed, drawn_at, drawn_by"
_CUSTOMERS = Columns("w", customer="text")
_KEYS = Columns("w", shop="text", customer="text")
_PERSONS = Columns("w", shop="text", customer="text", person="text")
_PRIZES = Columns("w", customer="text", prize="integer")


async def insert_activity(tx: Transaction, shop: str, activity_id: str, terms: Activity, seed: str | None) -> bool:
    """False where there is one of that id."""
    # Waits for a transaction that inserts the same id, then finds it taken.
    count = await tx.execute(
        """
        insert into activities (shop, activity_id, terms, starts, ends, places, seed)
        values (:shop, :id, cast(:terms as jsonb), :starts, :ends, :places, :seed) on conflict do nothing
        """,
        shop=shop,
        id=activity_id,
        terms=terms.model_dump_json(),
        starts=terms.starts,
        ends=terms.ends,
        places=terms.places,
        seed=seed,
    )
    return count == 1


async def get_activity(tx: Transaction, shop: str, activity_id: str, *, lock: bool = False) -> Row[Any] | None:
    # By the primary key.
    return await tx.fetch_one(
        f"select {_SHOWN} from activities where shop = :shop and activity_id = :id {'for update' if lock else ''}",
        shop=shop,
        id=activity_id,
    )


async def list_between(
    tx: Transaction, shop: str, start: datetime, end: datetime, after: str, limit: int
) -> Sequence[Row[Any]]:
    """Activities that take place at some instant of [start, end), in order of their ids."""
    # In order of the primary key; by the index on ends where few are left of many.
    return await tx.fetch(
        f"""
        select {_SHOWN} from activities where shop = :shop and ends > :start and starts < :end and activity_id > :after
        order by activity_id limit :limit
        """,
        shop=shop,
        start=start,
        end=end,
        after=after,
        limit=limit,
    )


async def entries_of(tx: Transaction, shop: str, activity_id: str, people: Collection[str]) -> Sequence[Row[Any]]:
    """How these customers take part."""
    # By the primary key.
    return await tx.fetch(
        """
        select * from activity_entries where shop = :shop and activity_id = :id and customer = any(:people)
        order by customer
        """,
        shop=shop,
        id=activity_id,
        people=sorted(people),
    )


async def list_entries(
    tx: Transaction, shop: str, activity_id: str, status: Status | None, after: str, limit: int
) -> Sequence[Row[Any]]:
    # In order of the primary key.
    return await tx.fetch(
        f"""
        select * from activity_entries where shop = :shop and activity_id = :id and customer > :after
        {"" if status is None else "and status = :status"} order by customer limit :limit
        """,
        shop=shop,
        id=activity_id,
        after=after,
        limit=limit,
        **({} if status is None else {"status": status}),
    )


async def list_of_customer(tx: Transaction, shop: str, people: Collection[str], limit: int) -> Sequence[Row[Any]]:
    """A person's activities, the newest first."""
    # By the index of the customer.
    return await tx.fetch(
        """
        select * from activity_entries where shop = :shop and customer = any(:people)
        order by at desc, activity_id limit :limit
        """,
        shop=shop,
        people=sorted(people),
        limit=limit,
    )


async def invite(tx: Transaction, shop: str, activity_id: str, customers: Iterable[str], by: str, at: datetime) -> int:
    """How many are invited who had no part in it yet."""
    # In order of the primary key.
    return await tx.execute(
        f"""
        insert into activity_entries (shop, activity_id, customer, status, by, at)
        select :shop, :id, customer, 'invited', :by, :at from {_CUSTOMERS} order by customer on conflict do nothing
        """,
        shop=shop,
        id=activity_id,
        by=by,
        at=at,
        **_CUSTOMERS.of((name,) for name in sorted(set(customers))),
    )


async def save_entry(
    tx: Transaction, shop: str, activity_id: str, customer: str, status: Status, by: str | None, at: datetime
) -> None:
    # The activity's row is locked.
    await tx.execute(
        """
        insert into activity_entries (shop, activity_id, customer, status, by, at)
        values (:shop, :id, :customer, :status, :by, :at)
        on conflict (shop, activity_id, customer) do update
        set status = excluded.status, by = excluded.by, at = excluded.at
        """,
        shop=shop,
        id=activity_id,
        customer=customer,
        status=status,
        by=by,
        at=at,
    )


async def add_taken(tx: Transaction, shop: str, activity_id: str, places: int) -> None:
    """So many more places taken, or fewer; the row is locked."""
    # The constraint holds whatever was looked at before.
    await tx.execute(
        "update activities set taken = taken + :places where shop = :shop and activity_id = :id",
        shop=shop,
        id=activity_id,
        places=places,
    )


async def taking_part(tx: Transaction, shop: str, activity_id: str, statuses: Sequence[str]) -> list[str]:
    # By the primary key.
    rows = await tx.fetch(
        """
        select customer from activity_entries
        where shop = :shop and activity_id = :id and status = any(:statuses) order by customer
        """,
        shop=shop,
        id=activity_id,
        statuses=list(statuses),
    )
    return [row.customer for row in rows]


async def save_draw(
    tx: Transaction, shop: str, activity_id: str, winners: Sequence[str], by: str, at: datetime
) -> None:
    # The activity's row is locked.
    await tx.execute(
        "update activities set drawn_at = :at, drawn_by = :by where shop = :shop and activity_id = :id",
        shop=shop,
        id=activity_id,
        at=at,
        by=by,
    )
    # The prizes, the first for who was drawn first.
    await tx.execute(
        f"""
        update activity_entries e set prize = w.prize from {_PRIZES}
        where e.shop = :shop and e.activity_id = :id and e.customer = w.customer
        """,
        shop=shop,
        id=activity_id,
        **_PRIZES.of((name, number) for number, name in enumerate(winners, 1)),
    )


async def leave(tx: Transaction, customers: Iterable[CustomerKey], at: datetime) -> None:
    """These customers take part in nothing that is not over and not drawn; their places are free again."""
    # Activities in order of their keys, as everybody locks them; the entries by the index of the customer.
    await tx.execute(
        f"""
        with open as (
            select a.shop, a.activity_id from activities a
            where a.ends > :at and a.drawn_at is null and (a.shop, a.activity_id) in (
                select e.shop, e.activity_id from {_KEYS} join activity_entries e
                  on e.shop = w.shop and e.customer = w.customer where e.status in ('invited', 'taken')
            ) order by a.shop, a.activity_id for update
        ), left_ as (
            update activity_entries e set status = 'given_back', by = null, at = :at
            from open, (select e.shop, e.activity_id, e.customer, e.status from {_KEYS} join activity_entries e
                        on e.shop = w.shop and e.customer = w.customer) as old
            where e.shop = open.shop and e.activity_id = open.activity_id and old.shop = e.shop
            and old.activity_id = e.activity_id and old.customer = e.customer and old.status in ('invited', 'taken')
            returning e.shop, e.activity_id, old.status as was
        )
        update activities a set taken = taken - n.places
        from (select shop, activity_id, count(*) as places from left_ where was = 'taken' group by 1, 2) as n
        where a.shop = n.shop and a.activity_id = n.activity_id
        """,
        at=at,
        **_KEYS.of(sorted(set(customers))),
    )


async def give_back_doubles(tx: Transaction, persons: Iterable[tuple[CustomerKey, CustomerKey]], at: datetime) -> None:
    """Of one person's places in an activity one stays: where they came, else the first that was taken.

    `persons`: customers, who are locked, each with the survivor who stands for the person. The others are free again
    in what is not over and not drawn.
    """
    # Activities in order of their keys, as everybody locks them; the entries by the index of the customer.
    await tx.execute(
        f"""
        with ranked as (
            select e.shop, e.activity_id, e.customer, e.status, row_number() over (
                partition by e.shop, e.activity_id, w.person order by e.status = 'taken', e.at, e.customer) as number
            from {_PERSONS} join activity_entries e on e.shop = w.shop and e.customer = w.customer
            where e.status in ('taken', 'attended', 'absent')
        ), open as (
            select a.shop, a.activity_id from activities a where a.ends > :at and a.drawn_at is null
            and (a.shop, a.activity_id) in (select shop, activity_id from ranked where number > 1 and status = 'taken')
            order by a.shop, a.activity_id for update
        ), left_ as (
            update activity_entries e set status = 'given_back', by = null, at = :at
            from open join ranked r using (shop, activity_id)
            where r.number > 1 and r.status = 'taken' and e.shop = r.shop and e.activity_id = r.activity_id
            and e.customer = r.customer and e.status = 'taken'
            returning e.shop, e.activity_id
        )
        update activities a set taken = taken - n.places
        from (select shop, activity_id, count(*) as places from left_ group by 1, 2) as n
        where a.shop = n.shop and a.activity_id = n.activity_id
        """,
        at=at,
        **_PERSONS.of(sorted((*key, survivor[1]) for key, survivor in persons)),
    )


async def wrong(tx: Transaction) -> Sequence[Row[Any]]:
    """Activities whose count of taken places is not that of their entries."""
    # Reads both tables whole: for verify alone.
    return await tx.fetch(
        """
        select a.shop, a.activity_id, a.taken, count(e.customer) as counted
        from activities a left join activity_entries e
          on e.shop = a.shop and e.activity_id = a.activity_id and e.status in ('taken', 'attended', 'absent')
        group by a.shop, a.activity_id, a.taken having a.taken <> count(e.customer)
        """
    )

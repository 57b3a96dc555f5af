"""The rows of referrals: codes of members, and who brought whom."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from membership.referrals.rules import Decision, State

_CUSTOMERS = Columns("w", shop="text", customer="text")
_HELD = Columns("w", shop="text", customer="text", signals="text")
_MOVED = Columns(
    "m", shop="text", customer="text", state="text", refused_why="text", rounds="integer", at="timestamptz"
)
_RING = 50
"""So many steps are followed from the referrer upwards; a longer chain is no ring that anybody would build."""


async def give_code(tx: Transaction, shop: str, customer: str, code: str, at: datetime) -> bool:
    """False where the code is somebody's, or the customer has one."""
    # Waits for a transaction that inserts the same, then finds it taken.
    count = await tx.execute(
        """
        insert into referral_codes (shop, code, customer, at) values (:shop, :code, :customer, :at)
        on conflict do nothing
        """,
        shop=shop,
        code=code,
        customer=customer,
        at=at,
    )
    return count == 1


async def code_of(tx: Transaction, shop: str, people: Collection[str]) -> str | None:
    """The oldest code of a person, under whichever identifier."""
    # By the unique index of the customer.
    found: str | None = await tx.value(
        "select code from referral_codes where shop = :shop and customer = any(:people) order by at, code limit 1",
        shop=shop,
        people=sorted(people),
    )
    return found


async def owner_of(tx: Transaction, shop: str, code: str) -> str | None:
    # By the primary key.
    found: str | None = await tx.value(
        "select customer from referral_codes where shop = :shop and code = :code", shop=shop, code=code
    )
    return found


async def insert_referral(tx: Transaction, **row: Any) -> bool:
    """False where the customer was brought already."""
    # Waits for a transaction that inserts the same customer's, then finds it taken.
    count = await tx.execute(
        """
        insert into referrals (shop, customer, referral_id, referrer, code, signals, decision, state, made_at, moved_at)
        values (:shop, :customer, :referral_id, :referrer, :code, :signals, :decision, :state, :at, :at)
        on conflict do nothing
        """,
        **row,
    )
    return count == 1


async def referral_of(tx: Transaction, shop: str, people: Collection[str]) -> Row[Any] | None:
    """By whom a person was brought; the first one, where a merge has made two of them."""
    # By the primary key.
    return await tx.fetch_one(
        "select * from referrals where shop = :shop and customer = any(:people) order by made_at, customer limit 1",
        shop=shop,
        people=sorted(people),
    )


async def get_referral(tx: Transaction, shop: str, referral_id: str, *, lock: bool = False) -> Row[Any] | None:
    # By the unique index of the id.
    return await tx.fetch_one(
        f"select * from referrals where shop = :shop and referral_id = :id {'for update' if lock else ''}",
        shop=shop,
        id=referral_id,
    )


async def list_referrals(
    tx: Transaction, shop: str, state: State | None, referrers: Collection[str] | None, after: str, limit: int
) -> Sequence[Row[Any]]:
    """A page of referrals in order of their ids."""
    # Those that wait for a person by their own index, those of a referrer by theirs, all by the unique index of the id.
    return await tx.fetch(
        f"""
        select * from referrals where shop = :shop and referral_id > :after
        {"" if state is None else "and state = :state"} {"" if referrers is None else "and referrer = any(:referrers)"}
        order by referral_id limit :limit
        """,
        shop=shop,
        after=after,
        limit=limit,
        **({} if state is None else {"state": state}),
        **({} if referrers is None else {"referrers": sorted(referrers)}),
    )


async def shops_with_referrals(tx: Transaction, shops: Iterable[str]) -> set[str]:
    # A look into the primary key for each shop.
    rows = await tx.fetch(
        """
        select shop from unnest(cast(:shops as text[])) as w(shop)
        where exists (select 1 from referrals r where r.shop = w.shop)
        """,
        shops=sorted(set(shops)),
    )
    return {row.shop for row in rows}


async def lock_referrals(tx: Transaction, customers: Iterable[CustomerKey]) -> Sequence[Row[Any]]:
    """The referrals by which these customers were brought, locked in order of their keys."""
    # By the primary key.
    return await tx.fetch(
        f"""
        select r.* from {_CUSTOMERS} join referrals r on r.shop = w.shop and r.customer = w.customer
        order by r.shop, r.customer for update of r
        """,
        **_CUSTOMERS.of(sorted(set(customers))),
    )


_COUNTING = """
    case when exists (select from json_each({0}state -> 'recent' -> 'ever') e where cast(e.value ->> 0 as bigint) > 0)
         then coalesce(cast({0}state -> 'orders' ->> 'counting' as integer), 0) else 0 end
"""
"""Completed orders that count; none where nothing was paid for them: a sample that was free makes no reward."""


async def bought(tx: Transaction, shop: str, survivor: str, before: datetime) -> tuple[int, bool]:
    """Completed orders that count, and whether any was paid before that instant; of a person, by the survivor.

    An order that was closed unsent, and no more than that, leaves a customer new.
    """
    # By the primary keys of customers and items. All orders of a customer who was brought are looked at: an order that
    # completes later may say that it was paid before.
    row = await tx.fetch_one(
        f"""
        select coalesce((select {_COUNTING.format("")} from customers
                         where shop = :shop and customer = :customer), 0) as counting,
               exists (
                   select 1 from items i, lateral (select cast(i.body as jsonb) -> 'order' as known) o
                   where i.shop = :shop and i.customer = :customer and i.name >= 'order/' and i.name < 'order0'
                   and least(cast(o.known ->> 'paid_at' as timestamptz),
                             cast(o.known ->> 'completed_at' as timestamptz)) < :before
                   and coalesce(o.known ->> 'state', '') <> 'closed'
               ) as bought_before
        """,
        shop=shop,
        customer=survivor,
        before=before,
    )
    assert row is not None
    return row.counting, row.bought_before


async def move(tx: Transaction, moved: Iterable[tuple[str, str, State, str | None, int, datetime]]) -> None:
    """Give referrals, (shop, customer), another state."""
    # By the primary key; the rows are locked.
    await tx.execute(
        f"""
        update referrals r set state = m.state, refused_why = m.refused_why, rounds = m.rounds, moved_at = m.at
        from {_MOVED} where r.shop = m.shop and r.customer = m.customer
        """,
        **_MOVED.of(moved),
    )


async def decide(tx: Transaction, shop: str, referral_id: str, decision: Decision, by: str, at: datetime) -> None:
    # By the unique index of the id; the row is locked.
    await tx.execute(
        """
        update referrals set decision = :decision, decided_by = :by, decided_at = :at
        where shop = :shop and referral_id = :id
        """,
        shop=shop,
        id=referral_id,
        decision=decision,
        by=by,
        at=at,
    )


async def brought_by(tx: Transaction, shop: str, people: Collection[str], before: datetime) -> set[str]:
    """By whom these were brought before that instant, by whom those, and so on, under all their identifiers.

    `people` themselves are among them.
    """
    # Each step by the primary keys, and by the index of absorbed customers.
    rows = await tx.fetch(
        """
        with recursive above as (
            select customer, 0 as step from unnest(cast(:people as text[])) as w(customer)
            union
            select n.customer, a.step + 1 from above a cross join lateral (
                select referrer as customer from referrals
                where shop = :shop and customer = a.customer and made_at < :before
                union all
                select merged_into from customers where shop = :shop and customer = a.customer
                and merged_into is not null
                union all
                select customer from customers where shop = :shop and merged_into = a.customer
            ) n where a.step < :most
        )
        select distinct customer from above
        """,
        shop=shop,
        people=sorted(people),
        before=before,
        most=_RING,
    )
    return {row.customer for row in rows}


async def made_by(tx: Transaction, shop: str, referrers: Collection[str], since: datetime) -> list[datetime]:
    """When a person brought somebody since then, each, earliest first."""
    # By the index of the referrer.
    rows = await tx.fetch(
        "select made_at from referrals where shop = :shop and referrer = any(:referrers) and made_at > :since"
        " order by made_at",
        shop=shop,
        referrers=sorted(referrers),
        since=since,
    )
    return [row.made_at for row in rows]


async def undecided_of(tx: Transaction, shop: str, people: Collection[str]) -> Sequence[Row[Any]]:
    """Referrals of and by these customers on which nobody has decided; each may still come to a reward."""
    # By the primary key and by the index of the referrer.
    return await tx.fetch(
        """
        select * from referrals where shop = :shop and (customer = any(:people) or referrer = any(:people))
        and decision in ('none', 'waiting')
        """,
        shop=shop,
        people=sorted(people),
    )


async def hold(tx: Transaction, held: Iterable[tuple[CustomerKey, Collection[str]]]) -> None:
    """A person has to look at these referrals, by their new customer, who is locked."""
    # By the primary key.
    await tx.execute(
        f"""
        update referrals r set decision = 'waiting', signals = string_to_array(w.signals, ' ')
        from {_HELD} where r.shop = w.shop and r.customer = w.customer and r.decision in ('none', 'waiting')
        """,
        **_HELD.of(sorted((*key, " ".join(signals)) for key, signals in held)),
    )


async def wrong(tx: Transaction) -> Sequence[Row[Any]]:
    """Referrals rewarded though no order of the new customer counts, or not though one does, who was merged apart; and
    rewarded ones beside an earlier one of the same person."""
    # Reads the table whole: for verify alone.
    return await tx.fetch(
        f"""
        select * from (
            select r.shop, r.referral_id, r.state, {_COUNTING.format("c.")} as counting
            from referrals r join customers c on c.shop = r.shop and c.customer = r.customer and c.merged_into is null
        ) as known
        where (state = 'rewarded' and counting = 0) or (state in ('made', 'reversed') and counting > 0)
        union all
        select r.shop, r.referral_id, r.state, 0
        from referrals r join customers c on c.shop = r.shop and c.customer = r.customer
        where r.state = 'rewarded' and exists (
            select 1 from referrals o join customers d on d.shop = o.shop and d.customer = o.customer
            where o.shop = r.shop and o.customer <> r.customer
            and coalesce(d.merged_into, d.customer) = coalesce(c.merged_into, c.customer)
            and (o.made_at, o.customer) < (r.made_at, r.customer)
        )
        """
    )

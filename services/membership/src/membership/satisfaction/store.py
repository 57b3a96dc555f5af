"""The marks of customers, each from one event, and what they come to for a person."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from membership.satisfaction.rules import Mark

_MARKS = Columns(
    "m", shop="text", customer="text", source="text", name="text", standing="integer", score="integer",
    at="timestamptz",
)  # fmt: skip
_CUSTOMERS = Columns("w", shop="text", customer="text")
_PEOPLE = Columns("w", shop="text", customer="text", name="text")


async def save_marks(tx: Transaction, marks: Iterable[tuple[CustomerKey, Mark, datetime]]) -> None:
    """Of one source and name the newest counts, in whatever order they come; of one instant the lower."""
    newest: dict[tuple[str, ...], tuple[Any, ...]] = {}
    for key, mark, at in marks:
        name = (*key, mark.source, mark.name)
        known = newest.get(name)
        if known is None or (at, -mark.standing) > (known[6], -known[4]):
            newest[name] = (*key, *mark, at)
    # In order of the primary key; the customers are locked.
    await tx.execute(
        f"""
        insert into satisfaction_marks as k (shop, customer, source, name, standing, score, at)
        select shop, customer, source, name, standing, score, at from {_MARKS} order by shop, customer, source, name
        on conflict (shop, customer, source, name) do update
        set standing = excluded.standing, score = excluded.score, at = excluded.at
        where (excluded.at, -excluded.standing) > (k.at, -k.standing)
        """,
        **_MARKS.of(newest[name] for name in sorted(newest)),
    )


async def count_marks(tx: Transaction, people: Mapping[CustomerKey, Collection[CustomerKey]]) -> None:
    """Write what the marks come to, by survivor with all identifiers of the person; the others have no row."""
    rows = [(*survivor, name) for survivor, names in sorted(people.items()) for _, name in sorted(names)]
    await delete_counts(tx, [key for names in people.values() for key in names])
    # By the primary key of the marks; the customers are locked.
    await tx.execute(
        f"""
        insert into satisfaction (shop, customer, good, bad, recommends, last_bad_at, moved_at)
        select w.shop, w.customer, count(*) filter (where k.standing > 0), count(*) filter (where k.standing < 0),
               (array_agg(k.score order by k.at desc) filter (where k.source = 'recommendation'))[1],
               max(k.at) filter (where k.standing < 0), max(k.at)
        from {_PEOPLE} join satisfaction_marks k on k.shop = w.shop and k.customer = w.name
        group by w.shop, w.customer order by w.shop, w.customer
        """,
        **_PEOPLE.of(rows),
    )


async def delete_counts(tx: Transaction, customers: Iterable[CustomerKey]) -> None:
    # By the primary key.
    await tx.execute(
        f"delete from satisfaction t using {_CUSTOMERS} where t.shop = w.shop and t.customer = w.customer",
        **_CUSTOMERS.of(sorted(set(customers))),
    )


async def delete(tx: Transaction, customers: Iterable[CustomerKey]) -> None:
    """Forget all that is known of these customers."""
    keys = sorted(set(customers))
    await delete_counts(tx, keys)
    # By the primary key.
    await tx.execute(
        f"delete from satisfaction_marks t using {_CUSTOMERS} where t.shop = w.shop and t.customer = w.customer",
        **_CUSTOMERS.of(keys),
    )


async def list_candidates(
    tx: Transaction, shop: str, kind: str, tiers: Sequence[str], good: int, since: datetime, after: str, limit: int
) -> Sequence[Row[Any]]:
    """Members of these tiers with so many good marks and no bad one `since`, who never were a partner of that kind."""
    # By the index of those who are content, in its order.
    return await tx.fetch(
        """
        select s.customer, c.tier, s.good, s.recommends, s.moved_at,
               (select count(*) from referrals r where r.shop = s.shop and r.referrer = s.customer) as brought
        from satisfaction s join customers c on c.shop = s.shop and c.customer = s.customer
        where s.shop = :shop and s.good > 0 and s.good >= :good
        and (s.last_bad_at is null or s.last_bad_at < :since) and s.customer > :after
        and c.enrolled_at is not null and c.merged_into is null and c.tier = any(:tiers)
        and not exists (select 1 from partners p where p.shop = s.shop and p.customer = s.customer and p.kind = :kind)
        order by s.customer limit :limit
        """,
        shop=shop,
        kind=kind,
        tiers=list(tiers),
        good=good,
        since=since,
        after=after,
        limit=limit,
    )


async def wrong(tx: Transaction) -> Sequence[Row[Any]]:
    """Of customers whom nobody absorbed and who absorbed nobody, those of whom the marks come to something else."""
    # Reads both tables whole: for verify alone.
    return await tx.fetch(
        """
        select shop, customer, coalesce(s.good, 0) as good, coalesce(s.bad, 0) as bad,
               coalesce(k.good, 0) as good_marks, coalesce(k.bad, 0) as bad_marks
        from satisfaction s full join (
            select shop, customer, count(*) filter (where standing > 0) as good,
                   count(*) filter (where standing < 0) as bad
            from satisfaction_marks group by shop, customer
        ) k using (shop, customer)
        where (coalesce(s.good, 0), coalesce(s.bad, 0)) <> (coalesce(k.good, 0), coalesce(k.bad, 0))
        and not exists (select 1 from customers c where c.shop = shop and c.customer = customer
                        and c.merged_into is not null)
        and not exists (select 1 from customers c where c.shop = shop and c.merged_into = customer)
        """
    )

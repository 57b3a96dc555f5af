"""Where customers come from: brought by another (membership judges that), else what their profile says (ANA-008)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.crypto.keys import get_keys
from common.events import CustomerKey, Event
from common.events.customers import CustomerProfile
from common.events.membership import ReferralMade, ReferralNews
from common.people.sql import ABSORBED
from common.storage.columns import Columns
from common.storage.database import Transaction
from feedback.revisions.newest import NewestTable

_KEYS = Columns("w", shop="text", customer="text")
SOURCES = NewestTable("customer_sources", {"source": "text"})
MOST_SOURCES = 100
REFERRAL = "referral"
"""The source of whom another customer brought, whatever else is said of them."""


async def save_sources(tx: Transaction, events: Sequence[Event[CustomerProfile]]) -> None:
    """Keep the newest source of each customer, of an erased one none. Idempotent, in any order."""
    erased = {key for key, row in (await get_keys(tx, {e.customer for e in events})).items() if row.erased_at}
    await SOURCES.save(
        tx, ((e.customer, e.data.revision, (e.data.source,)) for e in events if e.customer not in erased)
    )


async def erase_sources(tx: Transaction, customers: Sequence[CustomerKey]) -> None:
    """Remove what was said of where these customers come from."""
    # By primary key.
    await tx.execute(
        f"delete from customer_sources s using {_KEYS} where s.shop = w.shop and s.customer = w.customer",
        **_KEYS.of(customers),
    )


async def save_made(tx: Transaction, event: Event[ReferralMade]) -> None:
    """Who brought this customer; it counts once an order of theirs does. Idempotent, before or after its end."""
    await tx.execute(
        """
        insert into referred as r (shop, customer, referral_id, referrer, made_at, round, confirmed)
        values (:shop, :customer, :referral_id, :referrer, :at, 0, false)
        on conflict (shop, customer) do update set referrer = excluded.referrer, made_at = excluded.made_at
        where r.referral_id = excluded.referral_id
        """,
        shop=event.shop,
        customer=event.subject,
        referral_id=event.data.referral_id,
        referrer=event.data.referrer,
        at=event.time,
    )


async def save_end(tx: Transaction, event: Event[ReferralNews], *, confirmed: bool) -> None:
    """It was found true, or not any more. Within a round it is found true first. Idempotent, in any order."""
    await tx.execute(
        """
        insert into referred as r (shop, customer, referral_id, round, confirmed)
        values (:shop, :customer, :referral_id, :round, :confirmed)
        on conflict (shop, customer) do update set round = excluded.round, confirmed = excluded.confirmed
        where r.referral_id = excluded.referral_id
          and (excluded.round > r.round or (excluded.round = r.round and not excluded.confirmed))
        """,
        shop=event.shop,
        customer=event.subject,
        referral_id=event.data.referral_id,
        round=event.data.round,
        confirmed=confirmed,
    )


async def count_new(tx: Transaction, shop: str, since: datetime, until: datetime) -> Sequence[Row[Any]]:
    """(source, customers, orders, again) of customers whose first completed order that counts lies in the period.

    `orders`: all that they completed since; `again`: customers of more than one. Who were merged are one customer,
    brought where one of them was; else the survivor's source counts, or the one that any of them has.
    """
    # By the index of first orders; of each such customer a few looks by primary key.
    return await tx.fetch(
        f"""
        with recursive {ABSORBED}, fresh as (
            select distinct coalesce(a.person, q.customer) as customer
            from usage_questions q left join absorbed a on a.customer = q.customer
            where q.shop = :shop and q.completed_at >= :since and q.completed_at < :until
        ), names as (
            select customer as person, customer from fresh
            union all
            select a.person, a.customer from absorbed a join fresh f on f.customer = a.person
        ), each as (
            select n.person, r.customer is not null as brought, s.source, n.customer = n.person as own, o.orders,
                   q.completed_at
            from names n
            left join usage_questions q on q.shop = :shop and q.customer = n.customer
            left join referred r on r.shop = :shop and r.customer = n.customer and r.confirmed
            left join customer_sources s on s.shop = :shop and s.customer = n.customer
            cross join lateral (
                select count(*) as orders from completed_orders o
                where o.shop = :shop and o.customer = n.customer and o.counts
            ) o
        ), people as (
            select case when bool_or(brought) then '{REFERRAL}'
                        else coalesce((array_agg(source order by own desc, source)
                                       filter (where source is not null))[1], '') end as source,
                   sum(orders) as orders
            from each group by person having min(completed_at) >= :since
        )
        select source, count(*) as customers, sum(orders) as orders, count(*) filter (where orders > 1) as again
        from people group by 1 order by 2 desc, 1 limit :limit
        """,
        shop=shop,
        since=since,
        until=until,
        limit=MOST_SOURCES,
    )


async def list_brought(
    tx: Transaction, shop: str, currency: str, referrer: str | None, after: str, limit: int
) -> Sequence[Row[Any]]:
    """(customer, referrer, made_at, confirmed, orders, priced, paid) of who was brought, by identifier (ANA-009).

    `orders`: all that count; `priced`: those of them in this currency, as their newest version says; `paid`: what was
    paid for goods of those and not refunded, in minor units.
    """
    # By primary key, or by the index of who brought them; the orders of a page's customers alone are read.
    return await tx.fetch(
        """
        select r.customer, r.referrer, r.made_at, r.confirmed, o.orders, o.priced, coalesce(o.paid, 0) as paid
        from referred r cross join lateral (
            select count(*) as orders, count(*) filter (where v.currency = :currency) as priced,
                   cast(sum(greatest(0, v.goods_paid - b.refunded)) filter (where v.currency = :currency) as bigint)
                   as paid
            from completed_orders d cross join lateral (
                select (array_agg(cast(i.body ->> 'goods_paid' as bigint) order by
                            coalesce(cast(i.body ->> 'revision' as bigint), 0) desc, i.at desc))[1] as goods_paid,
                       (array_agg(i.body ->> 'currency' order by
                            coalesce(cast(i.body ->> 'revision' as bigint), 0) desc, i.at desc))[1] as currency
                from order_inputs i
                where i.shop = d.shop and i.customer = d.customer and i.order_id = d.order_id and not i.refund
            ) v cross join lateral (
                select coalesce(sum(cast(i.body ->> 'amount' as bigint)), 0) as refunded from order_inputs i
                where i.shop = d.shop and i.customer = d.customer and i.order_id = d.order_id and i.refund
                  and i.body ->> 'currency' = v.currency
            ) b
            where d.shop = r.shop and d.customer = r.customer and d.counts
        ) o
        where r.shop = :shop and r.referrer is not null and r.customer > :after
          and (cast(:referrer as text) is null or r.referrer = :referrer)
        order by r.customer limit :limit
        """,
        shop=shop,
        currency=currency,
        referrer=referrer,
        after=after,
        limit=limit,
    )

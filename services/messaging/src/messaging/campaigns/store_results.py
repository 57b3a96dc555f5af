"""What came of a campaign: its messages, the harm that they did, and who ordered."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction
from messaging.delivery.receipts.arrival import BOUNCED_LATER, CAME_BACK


async def count_messages(tx: Transaction, shop: str, cause: str) -> dict[str, int]:
    """What became of the campaign's messages, with the reason of those that were suppressed: `suppressed.cap`.

    `undelivered`: they were sent, and came back.
    """
    # By the partial index on campaigns, whose condition stands here as it is.
    rows = await tx.fetch(
        f"""
        select case when {CAME_BACK} then 'undelivered'
                when coalesce(m.state, c.outcome, 'waiting') in ('suppress', 'suppressed')
                then 'suppressed.' || coalesce(c.reason, '')
                else coalesce(m.state, c.outcome, 'waiting') end as state, count(*) as messages
        from candidates c left join messages m using (shop, customer, message_id)
        where c.shop = :shop and c.flow = 'campaign' and c.cause = :cause group by 1
        """,
        shop=shop,
        cause=cause,
    )
    return {r.state: int(r.messages) for r in rows}


async def list_arms(tx: Transaction, shop: str, customers: Collection[str], limit: int) -> Sequence[Row[Any]]:
    """Rows campaign, arm and at of the campaigns that one of these customers came into, the newest first."""
    # A probe by primary key for each of the shop's campaigns, of which there are far fewer than of customers in one.
    return await tx.fetch(
        """
        select k.campaign, m.arm, m.at from campaigns k cross join lateral (
            select arm, at from campaign_members i
            where i.shop = k.shop and i.campaign = k.campaign and i.customer = any(cast(:customers as text[]))
            order by i.at limit 1
        ) m where k.shop = :shop order by m.at desc, k.campaign limit :limit
        """,
        shop=shop,
        customers=sorted(customers),
        limit=limit,
    )


async def count_clicked(tx: Transaction, shop: str, cause: str) -> int:
    """The campaign's messages of which a person followed a link."""
    # The campaign's candidates by the partial index, each with a probe of the receipts by primary key.
    return int(
        await tx.value(
            """
            select count(*) from candidates c join receipts r using (shop, customer, message_id)
            where c.shop = :shop and c.flow = 'campaign' and c.cause = :cause and r.said = 'clicked'
            """,
            shop=shop,
            cause=cause,
        )
    )


async def count_harm(tx: Transaction, shop: str, cause: str) -> tuple[int, int, int]:
    """(Sent, customers who opted out within seven days after one, bounced: at hand-off, or came back later).

    A message that came back is among the bounced alone, and among neither where nobody was there to take it.
    """
    # The campaign's candidates, each with probes of the register and the receipts by primary key.
    r = await tx.fetch_one(
        f"""
        select count(*) filter (where m.state = 'sent' and not {CAME_BACK}) as sent,
            count(*) filter (where (m.state = 'failed' and m.reason like 'bounced%') or {BOUNCED_LATER}) as bounced,
            count(distinct c.customer) filter (where m.state = 'sent' and exists (
                select from permissions p where p.shop = m.shop and p.customer = m.customer and p.state = 'opted_out'
                    and p.at > m.sent_at and p.at <= m.sent_at + interval '7 days')) as opted_out
        from candidates c join messages m using (shop, customer, message_id)
        where c.shop = :shop and c.flow = 'campaign' and c.cause = :cause
        """,
        shop=shop,
        cause=cause,
    )
    assert r is not None
    return int(r.sent), int(r.opted_out), int(r.bounced)


async def count_handed_over(tx: Transaction, shop: str, campaign: str, cause: str, came_by: datetime | None) -> int:
    """Messages that a provider took, whether they came back or not; of customers who came in by then, or of all."""
    # The campaign's candidates by the partial index, each with a probe of the members by primary key.
    return int(
        await tx.value(
            f"""
            select count(*) from candidates c join messages m using (shop, customer, message_id)
            where c.shop = :shop and c.flow = 'campaign' and c.cause = :cause and (m.state = 'sent' or {CAME_BACK})
                and (cast(:came_by as timestamptz) is null or exists (
                    select from campaign_members b where b.shop = c.shop and b.campaign = :campaign
                        and b.customer = c.customer and b.at <= :came_by))
            """,
            shop=shop,
            campaign=campaign,
            cause=cause,
            came_by=came_by,
        )
    )


async def count_orders(
    tx: Transaction, shop: str, campaign: str, days: int, came_by: datetime | None = None
) -> dict[str, tuple[int, int]]:
    """By arm: persons who ordered within so many days after they came in, under any identifier, of how many.

    `came_by`: of those who came in by then; None: of all.

    Of two members who were merged later the survivor's arm counts (ORD-040).
    """
    # The members, each with a probe of the purchases by primary key; the absorbed customers of the shop, who are few.
    rows = await tx.fetch(
        """
        with recursive absorbed as (
            select customer, merged_into as person from customers where shop = :shop and merged_into is not null
            union
            select a.customer, c.merged_into
            from absorbed a join customers c on c.shop = :shop and c.customer = a.person
            where c.merged_into is not null
        ), members as (
            select m.customer, m.arm, m.at, m.at + make_interval(days => :days) as until from campaign_members m
            where m.shop = :shop and m.campaign = :campaign
                and (cast(:came_by as timestamptz) is null or m.at <= :came_by) and m.customer not in (
                select a.customer from absorbed a
                join campaign_members s on s.shop = :shop and s.campaign = :campaign and s.customer = a.person)
        ), as_others as (
            select m.customer
            from (select person as member, customer from absorbed union select customer, person from absorbed) o
            join members m on m.customer = o.member
            join purchases p on p.shop = :shop and p.customer = o.customer and p.at > m.at and p.at <= m.until
        )
        select m.arm, count(*) as customers, count(*) filter (where m.customer in (select customer from as_others)
            or exists (select from purchases p where p.shop = :shop and p.customer = m.customer
                and p.at > m.at and p.at <= m.until)) as ordered
        from members m group by 1
        """,
        shop=shop,
        campaign=campaign,
        days=days,
        came_by=came_by,
    )
    return {r.arm: (int(r.ordered), int(r.customers)) for r in rows}


async def count_coupons(
    tx: Transaction,
    shop: str,
    campaign: str,
    offer: str,
    currency: str,
    days: int,
    came_by: datetime | None = None,
) -> tuple[int, int]:
    """Coupons of the offer that treated customers used on paid orders within so many days after they came in.

    (How many, what those on orders in this currency took off, in minor units.) A coupon belongs to the identifier that
    it was given to. `came_by` as above.
    """
    # The members by primary key, each with a probe of the index on customers' coupons.
    r = await tx.fetch_one(
        """
        select count(*) as coupons, coalesce(sum(c.amount) filter (where c.currency = :currency), 0) as amount
        from campaign_members m join coupons c on c.shop = m.shop and c.customer = m.customer
        where m.shop = :shop and m.campaign = :campaign and m.arm <> 'hold_out' and c.offer_id = :offer
            and c.amount is not null and c.used_at > m.at and c.used_at <= m.at + make_interval(days => :days)
            and (cast(:came_by as timestamptz) is null or m.at <= :came_by)
        """,
        shop=shop,
        campaign=campaign,
        offer=offer,
        currency=currency,
        days=days,
        came_by=came_by,
    )
    assert r is not None
    return int(r.coupons), int(r.amount)

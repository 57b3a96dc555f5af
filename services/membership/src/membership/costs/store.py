"""Sums of what offers took off, points paid for, and cash was handed over, apart for who is won and who is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import rfc3339
from common.storage.database import Transaction
from membership.costs.rules import ACQUIRING, FRIENDS_LOTS


async def sum_costs(tx: Transaction, shop: str, since: datetime, until: datetime, currency: str) -> Row[Any]:
    """`won_…` and `kept_…`: offers, points, cash; `surprises`; of [since, until), in minor units of the currency."""
    # Uses by offer and time, whose coupon's batch is the payout that gave it; redemptions by time, with the lots that
    # they burnt, by the items' primary key; cash by its index; surprises are as few as their budget allows.
    row = await tx.fetch_one(
        """
        with uses as (
            select o.terms ->> 'purpose' = any(:acquiring) or p.payout_id is not null as won, u.amount
            from offers o
            join coupon_uses u on u.shop = o.shop and u.offer_id = o.offer_id and u.at >= :since and u.at < :until
                and u.status = 'committed' and u.currency = :currency
            left join coupons c on c.shop = u.shop and c.code = u.code
            left join payouts p on p.shop = c.shop and p.payout_id = c.batch and p.kind = 'referral'
            where o.shop = :shop
        ), spent as (
            select cast(r.worth as numeric) / r.points as worth, r.points - r.returned as points, b.friends
            from redemptions r cross join lateral (
                select coalesce(sum(cast(burn ->> 'points' as bigint)), 0) as friends
                from items i, jsonb_array_elements(cast(i.body as jsonb) -> 'redemption' -> 'burns') as burn
                where i.shop = r.shop and i.customer = r.customer and i.name = 'redemption/' || r.redemption_id
                    and burn ->> 'lot' like :friends
            ) b
            where r.shop = :shop and r.at >= :since and r.at < :until and r.status = 'committed'
                and r.currency = :currency
        ), handed as (
            select kind = 'referral' as won, amount from payouts
            where shop = :shop and form = 'cash' and currency = :currency and paid_at >= :since and paid_at < :until
        )
        select (select coalesce(sum(amount) filter (where won), 0) from uses) as won_offers,
               (select coalesce(sum(amount) filter (where won is not true), 0) from uses) as kept_offers,
               (select coalesce(trunc(sum(worth * friends)), 0) from spent) as won_points,
               (select coalesce(trunc(sum(worth * (points - friends))), 0) from spent) as kept_points,
               (select coalesce(sum(amount) filter (where won), 0) from handed) as won_cash,
               (select coalesce(sum(amount) filter (where not won), 0) from handed) as kept_cash,
               (select coalesce(sum(value), 0) from surprises
                where shop = :shop and at >= :since and at < :until and currency = :currency) as surprises
        """,
        shop=shop,
        since=since,
        until=until,
        currency=currency,
        acquiring=list(ACQUIRING),
        friends=FRIENDS_LOTS,
    )
    assert row is not None
    return row


async def count_members(tx: Transaction, shop: str, since: datetime, until: datetime) -> Row[Any]:
    """`won`: who became members in [since, until); `kept`: who were before."""
    # By the index of enrolments, which are written as the bounds are.
    row = await tx.fetch_one(
        """
        select count(*) filter (where enrolled_at >= :since) as won,
               count(*) filter (where enrolled_at < :since) as kept
        from customers where shop = :shop and enrolled_at is not null and enrolled_at < :until
        """,
        shop=shop,
        since=rfc3339(since),
        until=rfc3339(until),
    )
    assert row is not None
    return row

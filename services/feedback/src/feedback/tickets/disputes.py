"""How often the customers with the green channel complain, of their orders: counted by period (FBK-033)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from common.people.sql import ABSORBED
from common.storage.database import Transaction
from feedback.tickets.policy import TicketPolicy

KINDS = ("complaint", "quality")
FEW = 20
"""Fewer orders than these say nothing of a rate: one complaint would be an alarm."""


class Disputes(NamedTuple):
    """Of customers with the green channel, within the policy's days: orders completed, and complaints opened."""

    orders: int
    disputes: int
    limit: int

    @property
    def per_mille(self) -> int | None:
        """Rounded half up; None without an order."""
        return (2_000 * self.disputes + self.orders) // (2 * self.orders) if self.orders else None

    @property
    def over(self) -> bool:
        """More than the limit, of enough orders to be said."""
        return self.orders >= FEW and 1_000 * self.disputes > self.limit * self.orders


async def list_shops(tx: Transaction) -> list[str]:
    """The shops that are set up."""
    return [row.shop for row in await tx.fetch("select distinct shop from shop_settings order by shop")]


async def count(tx: Transaction, shop: str, policy: TicketPolicy, now: datetime) -> Disputes:
    """As of now, by the tiers and buyer types of now."""
    # The group is small: its customers by the indexes of tiers and types, of each a look at orders and tickets. Who was
    # absorbed counts with the survivor, whose tier and type are theirs.
    row = await tx.fetch_one(
        f"""
        with recursive {ABSORBED}, of_group as (
            select customer from tiers where shop = :shop and name = any(:tiers)
            union
            select customer from tiers where shop = :shop and tier_id = any(:tiers)
            union
            select customer from buyer_types where shop = :shop and buyer_type = any(:types)
        ), of_people as (
            select g.customer from of_group g where not exists (select from absorbed a where a.customer = g.customer)
            union all
            select a.customer from of_group g join absorbed a on a.person = g.customer
        )
        select coalesce(sum(o.n), 0) as orders, coalesce(sum(t.n), 0) as disputes
        from of_people g cross join lateral (
            select count(*) as n from completed_orders o
            where o.shop = :shop and o.customer = g.customer and o.counts
              and o.completed_at >= :since and o.completed_at < :now
        ) o cross join lateral (
            select count(*) as n from tickets t
            where t.shop = :shop and t.customer = g.customer and t.kind = any(:kinds)
              and t.opened_at >= :since and t.opened_at < :now
        ) t
        """,
        shop=shop,
        tiers=list(policy.green_channel),
        types=list(policy.green_types),
        kinds=list(KINDS),
        since=now - timedelta(days=policy.dispute_days),
        now=now,
    )
    assert row is not None  # an aggregate without a group has one row
    return Disputes(int(row.orders), int(row.disputes), policy.dispute_limit)

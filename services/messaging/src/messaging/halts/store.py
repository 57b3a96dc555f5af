"""Campaigns that are halted, or were, and the messages that a pause holds."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from common.storage.database import Transaction
from messaging.halts.state import Halt, Halts, pauses_in

WOKEN = 5_000
"""So many messages of resumed campaigns are woken at a time: more than are decided meanwhile."""


async def get_halts(tx: Transaction, shops: Collection[str]) -> Halts:
    """Campaigns that are paused or stopped, or were paused once, by (shop, cause)."""
    # By the partial indexes on halted campaigns and on versions that paused one: few in a shop, over the years as well.
    rows = await tx.fetch(
        """
        with halted as (
            select shop, campaign from campaigns where state in ('paused', 'stopped') and shop = any(:shops)
            union select shop, campaign from campaign_versions where state = 'paused' and shop = any(:shops)
        )
        select c.shop, c.campaign, c.state, array_agg(v.at order by v.version) as instants,
            array_agg(v.state order by v.version) as states
        from halted h join campaigns c using (shop, campaign) join campaign_versions v using (shop, campaign)
        group by c.shop, c.campaign, c.state
        """,
        shops=sorted(shops),
    )
    return {
        (r.shop, f"campaign/{r.campaign}"): Halt(
            r.state if r.state in ("paused", "stopped") else None,
            pauses_in(list(zip(r.instants, r.states, strict=True))),
        )
        for r in rows
    }


async def wake_resumed(tx: Transaction, now: datetime, limit: int) -> int:
    """Have at most so many messages decided now that were held for a pause which is over; returns how many."""
    # The partial indexes on campaigns and on messages that a pause holds; those of paused campaigns are not looked at.
    woken = await tx.execute(
        """
        update candidates c set release_at = greatest(c.due_at, :now)
        from (
            select h.shop, h.customer, h.message_id from campaigns k
            join candidates h on h.shop = k.shop and h.cause = 'campaign/' || k.campaign
            where k.state in ('running', 'stopped', 'finished') and h.outcome = 'hold'
                and h.reason = 'campaign_paused' and h.release_at > :now
            limit :limit for update of h skip locked
        ) w
        where c.shop = w.shop and c.customer = w.customer and c.message_id = w.message_id
        """,
        now=now,
        limit=limit,
    )
    if woken:
        await tx.execute("notify candidates")
    return woken

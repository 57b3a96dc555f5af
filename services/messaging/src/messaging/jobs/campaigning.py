"""Campaigns that do harm are stopped, and what a pause held back goes on."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.storage.database import Transaction
from messaging.campaigns import store, store_results
from messaging.campaigns.rules import must_stop
from messaging.commands.campaigns import save_campaign
from messaging.halts import store as halts


async def wake_resumed(tx: Transaction, now: datetime, limit: int) -> int:
    """Messages that a pause held back are decided again at once when their campaign goes on, or is stopped."""
    return await halts.wake_resumed(tx, now, max(limit, halts.WOKEN))


async def watch_campaigns(tx: Transaction, now: datetime, limit: int) -> int:
    """Stop a campaign that does harm (MSG-062); each is looked at every minute at first. 1 where one was."""
    found = await store.lock_sending(tx, now)
    if found is None:
        return 0
    shop, name = found
    campaign = await store.get_campaign(tx, shop, name)
    assert campaign is not None
    why = must_stop(campaign.document, *await store_results.count_harm(tx, shop, campaign.document.cause))
    document = campaign.document
    if why is not None:
        await save_campaign(tx, shop, document, "stopped", why)
    elif now >= document.starts_at + timedelta(days=document.attribution_days) and await store.is_done(tx, shop, name):
        await save_campaign(tx, shop, document, "finished")
    return 1

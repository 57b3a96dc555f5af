"""Campaigns that do harm are stopped, and what a pause held back goes on."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.storage.database import Transaction
from messaging.campaigns import store, store_results
from messaging.campaigns.document import State
from messaging.campaigns.rules import must_stop, too_dear
from messaging.campaigns.store import Campaign
from messaging.campaigns.store_effect import count_effect
from messaging.commands.campaigns import save_campaign
from messaging.halts import store as halts


async def wake_resumed(tx: Transaction, now: datetime, limit: int) -> int:
    """Messages that a pause held back are decided again at once when their campaign goes on, or is stopped."""
    return await halts.wake_resumed(tx, now, max(limit, halts.WOKEN))


async def watch_campaigns(tx: Transaction, now: datetime, limit: int) -> int:
    """Stop a campaign that does harm (MSG-062), or costs more than it may (XCT-010). 1 where one was looked at.

    Each is every minute at first.
    """
    found = await store.hold_watched(tx, now)
    if found is None:
        return 0
    shop, name = found
    campaign = await store.get_campaign(tx, shop, name)
    assert campaign is not None
    document = campaign.document
    days = timedelta(days=document.attribution_days)
    why = must_stop(document, *await store_results.count_harm(tx, shop, document.cause))
    if why is None and document.stop.cost_per_extra_order is not None:
        assert document.currency is not None, "it was set at the start"
        effect = await count_effect(tx, shop, document, document.currency, now)
        why = too_dear(document, effect.handed_over, effect.cost, effect.lift)
    if why is not None:
        await _end(tx, campaign, "stopped", why)
    elif now >= document.starts_at + days and await store.is_over(tx, shop, name, now - days):
        await _end(tx, campaign, "finished")
    await store.save_watched(tx, shop, name, now)
    return 1


async def _end(tx: Transaction, counted: Campaign, state: State, why: str | None = None) -> None:
    """End it, unless somebody acted on it while it was counted: then the next look says."""
    await store.lock_versions(tx, counted.shop)
    newest = await store.get_campaign(tx, counted.shop, counted.document.campaign)
    if newest is not None and newest.version == counted.version:
        await save_campaign(tx, counted.shop, counted.document, state, why)

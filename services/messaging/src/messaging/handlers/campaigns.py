"""Campaigns and who came into them, read back by a rebuild."""

from __future__ import annotations

from common.bus.subscriptions import Batch
from common.events.messages import CampaignChanged
from common.storage.database import Transaction
from messaging.campaigns.document import CampaignDocument
from messaging.campaigns.store import Campaign, insert_version
from messaging.commands.campaigns import enter_campaign


async def on_campaigns(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own versions back, before all else."""
    for event in batch.events:
        d: CampaignChanged = event.data
        document = CampaignDocument.model_validate(d.document)
        await insert_version(tx, Campaign(event.shop, d.version, d.valid_from, document, d.state, d.reason, d.by))


async def on_campaign_entered(tx: Transaction, batch: Batch) -> None:
    """Who is in which arm, and the messages that they were to get."""
    await enter_campaign(tx, batch.events)

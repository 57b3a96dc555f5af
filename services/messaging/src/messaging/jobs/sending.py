"""The senders of all channels, and the sweep of notices that need not wait."""

from __future__ import annotations

from common.crypto.keys import KeyRing
from common.storage.database import Database
from messaging.channels.protocol import Channel
from messaging.consent.links import UnsubscribeLinks
from messaging.contacts.store_bounces import mark_bounced
from messaging.delivery.clicks.links import ClickLinks
from messaging.delivery.receipts.links import GatewayLinks
from messaging.delivery.worker.desk import Sender
from messaging.jobs.preparing import Preparation


def sender_of(
    database: Database,
    keys: KeyRing,
    links: UnsubscribeLinks,
    channel: Channel,
    *,
    workers: int | None = None,
    receipts: GatewayLinks | None = None,
    clicks: ClickLinks | None = None,
) -> Sender:
    """The sender of one channel; without `receipts` its gateway is not asked for any, without `clicks` none count."""
    preparation = Preparation(database, keys, links, channel, receipts, clicks)
    return Sender(database, channel, preparation.take, mark_bounced, workers=workers)

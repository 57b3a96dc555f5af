"""The senders of all channels, and the sweep of notices that need not wait."""

from __future__ import annotations

from common.crypto.keys import KeyRing
from common.storage.database import Database
from messaging.channels.protocol import Channel
from messaging.commands.recalling import bounce
from messaging.consent.links import UnsubscribeLinks
from messaging.delivery.clicks.links import ClickLinks
from messaging.delivery.receipts.links import GatewayLinks
from messaging.delivery.worker.desk import LOOK_EVERY_S, Sender
from messaging.jobs.preparing import Preparation

SELDOM_S = 5.0
"""Of a sender that somebody looks for (`waking.look`)."""


def sender_of(
    database: Database,
    keys: KeyRing,
    links: UnsubscribeLinks,
    channel: Channel,
    *,
    workers: int | None = None,
    look_every_s: float = LOOK_EVERY_S,
    receipts: GatewayLinks | None = None,
    clicks: ClickLinks | None = None,
) -> Sender:
    """The sender of one channel; without `receipts` its gateway is not asked for any, without `clicks` none count.

    `look_every_s`: so often it looks without being woken.
    """
    preparation = Preparation(database, keys, links, channel, receipts, clicks)
    return Sender(database, channel, preparation.take, bounce, workers=workers, look_every_s=look_every_s)

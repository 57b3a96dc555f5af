"""Confirmations of other services that nothing personal of an erased customer is left with them (SEC-006)."""

from __future__ import annotations

from common.bus.subscriptions import Batch, Subscription
from common.events.feedback import FeedbackErased
from common.events.membership import MembershipErased
from common.events.messages import MessagesErased
from common.events.segments import SegmentsErased
from common.events.topics import TOPICS
from common.storage.database import Transaction
from orders_ingest.erasure import store

CONFIRMATIONS = (MembershipErased, SegmentsErased, MessagesErased, FeedbackErased)
_OWNERS = {topic.name: topic.owner for topic in TOPICS}


async def on_confirmed(tx: Transaction, batch: Batch) -> None:
    """Keep who has confirmed; the last one completes the erasure."""
    for event in batch.events:
        service = _OWNERS[event.data.TOPIC]
        await store.save_confirmation(tx, event.customer, service, tx.clock.now(), event.data.kept)


SUBSCRIPTIONS = (Subscription(on_confirmed, CONFIRMATIONS),)

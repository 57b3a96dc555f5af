"""What other services tell of customers that is kept here: that an erasure is done, and that somebody was heard from
(SEC-006)."""

from __future__ import annotations

from common.bus.broker import Record
from common.bus.subscriptions import Batch, RawSubscription, RawTaken, Subscription
from common.events import decode
from common.events.feedback import FeedbackErased
from common.events.membership import MembershipErased
from common.events.messages import MessagesErased
from common.events.segments import SegmentsErased
from common.events.topics import TOPICS
from common.storage.database import Transaction
from orders_ingest.erasure import store
from orders_ingest.handlers.hearing import HEARD, take_signs

CONFIRMATIONS = (MembershipErased, SegmentsErased, MessagesErased, FeedbackErased)
_OWNERS = {topic.name: topic.owner for topic in TOPICS}
_TYPES = {kind.TYPE for kind in CONFIRMATIONS}


async def on_confirmed(tx: Transaction, batch: Batch) -> None:
    """Keep who has confirmed; the last one completes the erasure."""
    for event in batch.events:
        service = _OWNERS[event.data.TOPIC]
        await store.save_confirmation(tx, event.customer, service, tx.clock.now(), event.data.kept)


async def take_confirmations(tx: Transaction, records: list[Record]) -> RawTaken:
    """Of what stands on other services' topics the confirmations and signs, told by their header. Idempotent: not
    claimed."""
    events = [decode(r.value or b"") for r in records if r.headers.get("type", b"").decode() in _TYPES]
    if events:
        await on_confirmed(tx, Batch(events))
    return RawTaken(fresh=len(events) + await take_signs(tx, records))


def confirmed_topics() -> tuple[str, ...]:
    """The topics on which confirmations stand."""
    return tuple(sorted({kind.TOPIC for kind in CONFIRMATIONS}))


def confirmations() -> RawSubscription:
    """The reader of confirmations, beside the shops' own topics, by the one consumer that the service has."""
    return RawSubscription(take_confirmations, confirmed_topics())


READ_BACK = (Subscription(on_confirmed, CONFIRMATIONS), *HEARD)
"""What a rebuild reads of other services' topics."""

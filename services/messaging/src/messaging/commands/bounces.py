"""Lifting a bounce."""

from __future__ import annotations

from common.events import CustomerKey, Event, fact_id, rfc3339
from common.events.messages import ContactBounceLifted
from common.refusals import NotFound
from common.storage.database import Transaction
from messaging.contacts.store_bounces import lift_bounces
from messaging.decisions.facts import source_of


class NothingBounced(NotFound):
    """No address of the customer has bounced on the channel."""

    def __init__(self) -> None:
        super().__init__("nothing_bounced", "No address of this customer has bounced on this channel.")


async def lift_bounce(tx: Transaction, key: CustomerKey, data: ContactBounceLifted) -> None:
    """Write to the address again, at the clock's time. Raises NothingBounced."""
    await tx.lock_customers([key])
    at = tx.clock.now()
    if not await lift_bounces(tx, [(key, data.channel, at)]):
        raise NothingBounced
    shop, customer = key
    event_id = fact_id(f"bounce@{rfc3339(at)}", data.TYPE, shop, customer, 0)
    await tx.announce([Event(id=event_id, source=source_of(shop), shop=shop, subject=customer, time=at, data=data)])

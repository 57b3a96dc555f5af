"""Lifting a bounce."""

from __future__ import annotations

from common.events import CustomerKey, Event, fact_id, rfc3339
from common.events.customers import Channel
from common.events.messages import ContactBounceLifted
from common.refusals import NotFound
from common.storage.database import Transaction
from messaging.contacts import store_bounces
from messaging.decisions.facts import source_of


class NothingBounced(NotFound):
    """No address of the customer has bounced on the channel."""

    def __init__(self) -> None:
        super().__init__("nothing_bounced", "No address of this customer has bounced on this channel.")


async def lift_bounce(tx: Transaction, key: CustomerKey, channel: Channel, via: str) -> None:
    """Write to the address again, at the clock's time. Raises NothingBounced."""
    await tx.lock_customers([key])
    at = tx.clock.now()
    address = await store_bounces.lift_bounce(tx, key, channel, at)
    if address is None:
        raise NothingBounced
    shop, customer = key
    data = ContactBounceLifted(channel=channel, via=via, address=address.hex())
    event_id = fact_id(f"bounce@{rfc3339(at)}", data.TYPE, shop, customer, 0)
    await tx.announce([Event(id=event_id, source=source_of(shop), shop=shop, subject=customer, time=at, data=data)])

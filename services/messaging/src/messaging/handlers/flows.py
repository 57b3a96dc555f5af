"""Versions of flows and what runs came to, read back by a rebuild; products and coupons, which messages offer."""

from __future__ import annotations

from common.bus.subscriptions import Batch
from common.events.messages import FlowChanged
from common.storage.database import Transaction
from messaging.commands.flow_days import enter, plan_flow, plan_launches
from messaging.commands.moves import save_moves, wake_persons
from messaging.coupons.store import save_issued, save_used
from messaging.coupons.store_declined import save_declined
from messaging.flows.book import Versioned
from messaging.flows.document import FlowDocument
from messaging.flows.store import wake_declined, wake_with_coupon
from messaging.flows.store_versions import FLOW_VERSIONS
from messaging.occasions.store import save_products

CHARGED = ("committed", "over_limit")
"""What a use has come to when the shop has paid for it."""


async def on_flow_versions(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own versions back, before all else."""
    for event in batch.events:
        data: FlowChanged = event.data
        document = FlowDocument.model_validate(data.document)
        if await FLOW_VERSIONS.insert(tx, event.shop, data.version, data.valid_from, document):
            await plan_flow(tx, event.shop, Versioned(document, data.version, data.valid_from), data.valid_from)


async def on_moves(tx: Transaction, batch: Batch) -> None:
    """Moves that were announced stand, and what they asked for; what was known then is not asked again."""
    await save_moves(tx, batch.events)


async def on_entered(tx: Transaction, batch: Batch) -> None:
    """With whom dated flows began."""
    await enter(tx, batch.events)


async def on_coupons(tx: Transaction, batch: Batch) -> None:
    """Keep the coupons that customers were given; who waits for one goes on."""
    issued = [(e, c.code, c.customer) for e in batch.events for c in e.data.coupons if c.customer is not None]
    await save_issued(
        tx, [(e.shop, code, one, e.data.offer_id, e.data.valid_from, e.data.valid_until) for e, code, one in issued]
    )
    there = [((e.shop, one), max(e.time, e.data.valid_from)) for e, _, one in issued]
    await wake_persons(tx, there)
    await wake_with_coupon(tx, there)


async def on_coupons_declined(tx: Transaction, batch: Batch) -> None:
    """A coupon that a flow or campaign asked for does not come: who waits for it waits no longer."""
    declined = [e for e in batch.events if e.subject is not None]
    await save_declined(tx, declined)
    reached = [(e.customer, e.time) for e in declined]
    await wake_persons(tx, reached)
    await wake_declined(tx, reached)


async def on_coupon_uses(tx: Transaction, batch: Batch) -> None:
    """A coupon that was used is offered no more, and one that was given back is."""
    await save_used(
        tx,
        [
            (e.shop, e.data.code, e.time, d.status == "released", d.amount if d.status in CHARGED else None, d.currency)
            for e in batch.events
            for d in (e.data,)
        ],
    )


async def on_products(tx: Transaction, batch: Batch) -> None:
    """Keep of each product whether it is in stock and when it is launched, and plan the flows of new arrivals."""
    await save_products(
        tx,
        [(e.shop, e.data.sku, e.data.revision, e.data.name, e.data.stock, e.data.launched_on) for e in batch.events],
    )
    launched = [e for e in batch.events if e.data.launched_on is not None]
    if launched:
        await plan_launches(tx, {e.shop for e in launched}, min(e.time for e in launched))

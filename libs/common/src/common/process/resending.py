"""Takes a dead event again, mended or as it was."""

from __future__ import annotations

from common.bus.broker import Record
from common.bus.dead import publish_mended
from common.bus.inbox import claim_each
from common.bus.subscriptions import Batch, kept_by
from common.events import InvalidEvent, decode
from common.process.runtime import Runtime
from common.refusals import Conflict, Invalid
from common.shops.settings import ShopNotSetUp
from common.storage.database import Transaction


async def take_again(runtime: Runtime, tx: Transaction, topic: str, raw: bytes) -> str:
    """A dead event, mended or not, as if it had come in time; new|duplicate, the latter when it counted before.

    What is new is published on the service's own topic like any command: the log holds the dead one alone. An
    intake topic's events go through the doors of orders-ingest, which publish what they take.

    Raises a Refusal when it still cannot be taken.
    """
    reader = runtime.service.raw(runtime, topic) if runtime.service.raw is not None else None
    if reader is not None:
        taken = await reader.handler(tx, [Record(topic, -1, -1, None, raw, {}, 0)])
        for dead in taken.dead:
            raise Invalid(dead.slug, f"The event still cannot be taken: {dead.detail}")
        return "new" if taken.fresh else "duplicate"
    try:
        event = decode(raw)
    except InvalidEvent as error:
        raise Invalid(error.slug, f"The event still cannot be read: {error}") from None
    subscriptions = runtime.service.subscribed(runtime.keys)
    takers = [s for s in subscriptions if isinstance(event.data, s.types)]
    if not takers:
        raise Invalid(
            "not_subscribed", f"{runtime.name} takes no {event.type} from {topic}: send it where its kind goes."
        )
    if await runtime.shops.missing({event.shop}):
        raise ShopNotSetUp(event.shop)
    outcome = (await claim_each(tx, [(event, raw)], kept_by(subscriptions)))[0]
    if outcome == "conflict":
        raise Conflict("same_id_other_body", "This id has counted already with another body: give it a new id.")
    if outcome == "new":
        if event.subject is not None:
            await tx.lock_customers([event.customer])
        # Before what it causes, so that a rebuild, which reads this topic too, finds both in this order.
        await publish_mended(tx, event, raw)
        for subscription in takers:
            await subscription.handler(tx, Batch([event]))
    return outcome

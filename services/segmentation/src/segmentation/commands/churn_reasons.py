"""A churn reason recorded: an accepted command, an input of the customer's fold, and published."""

from __future__ import annotations

from datetime import timedelta

from common.bus.inbox import claim
from common.events import CustomerKey, Event
from common.events.segments import ChurnReasonRecorded
from common.fold.customers import fold_events
from common.fold.store_customers import read_customer
from common.people.store import lock_survivors
from common.refusals import Conflict
from common.storage.database import Transaction
from segmentation.attributes.churn_reason.store import get_recorded
from segmentation.fold import KEPT, folding_of, keep
from segmentation.held_inputs import store as held_inputs


class ReasonTaken(Conflict):
    """Something else was recorded under this id."""

    def __init__(self, reason_id: str) -> None:
        super().__init__(
            "reason_id_taken",
            f"Another reason was recorded of this customer as {reason_id!r}: give the new one an id of its own.",
        )


async def record_reason(tx: Transaction, key: CustomerKey, reason_id: str, data: ChurnReasonRecorded) -> bool | None:
    """Record why the customer left; False where it was recorded before, None for a customer never heard of.

    Dated now, or just after the customer's newest input. One that comes in the first moments of a month waits, as any
    input, for the month's statistics, and with what waits. Raises ReasonTaken.
    """
    if await read_customer(tx, key) is None:
        return None
    survivors = await lock_survivors(tx, [key])
    (shop, customer), row, at = key, tx.locked[survivors[key]], tx.clock.now()
    for latest in (row.last[0] if row.last else None, row.done_until):
        if latest is not None and latest >= at:
            at = latest + timedelta(microseconds=1)
    folding = await folding_of(tx, [shop])
    source = f"/shops/{shop}/{tx.service}"
    event = Event(f"churn-reason/{customer}/{reason_id}", source, shop, customer, at, data)
    known = await get_recorded(tx, event)
    if known is not None:
        if known != data.model_dump(mode="json", exclude_none=True):
            raise ReasonTaken(reason_id)
        return False
    await claim(tx, [(event, event.encode())], KEPT)
    pending = folding.shops[shop].pending_at
    if at >= min(pending, (await held_inputs.get_first(tx, [key])).get(key, pending)):
        await held_inputs.hold(tx, [event])
    else:
        await keep(tx, await fold_events(tx, folding, [event]))
    await tx.announce([event])
    return True

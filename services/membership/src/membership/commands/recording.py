"""An accepted command is dated after everything known of the member, folded and announced."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from common.bus.inbox import claim_each
from common.events import CustomerKey, Event, EventData
from common.fold.customers import fold_command, fold_events
from common.people.store import lock_survivors
from common.storage.database import Transaction
from membership.fold import MemberFolding, save


async def time_of_command(tx: Transaction, key: CustomerKey) -> datetime:
    """Now, or just after the last input of the member, or of the survivor, where that is ahead of our clock (it may
    be, by five minutes).

    So a command is always the member's newest input, and what it was checked against is what it is folded onto.
    """
    survivors = await lock_survivors(tx, [key])
    row, now = tx.locked[survivors[key]], tx.clock.now()
    known = [at for at in (row.last[0] if row.last else None, row.done_until) if at is not None]
    latest = max(known, default=None)
    return now if latest is None or now > latest else latest + timedelta(microseconds=1)


async def carry_out(
    tx: Transaction, folding: MemberFolding, key: CustomerKey, command_id: str, at: datetime, data: EventData
) -> bool:
    """Fold and announce the command; False when one of this id was carried out before, by whatever customer."""
    shop, customer = key
    event = Event(command_id, f"/shops/{shop}/membership", shop, customer, at, data)
    folded = await fold_command(tx, folding, event)
    if folded is None:
        return False
    await tx.announce([event])
    await save(tx, folded)
    return True


async def carry_out_all(tx: Transaction, folding: MemberFolding, events: Sequence[Event[Any]]) -> None:
    """Fold and announce the commands that were not carried out before, with their own times, set-wise."""
    await tx.lock_customers(event.customer for event in events)
    outcomes = await claim_each(tx, [(event, event.encode()) for event in events], folding.kept)
    fresh = [event for event, outcome in zip(events, outcomes, strict=True) if outcome == "new"]
    if fresh:
        folded = await fold_events(tx, folding, fresh)
        await tx.announce(fresh)
        await save(tx, folded)

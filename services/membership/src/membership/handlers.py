"""What membership does when something happens elsewhere: lock, fold, save, announce."""

from __future__ import annotations

from common.bus.subscriptions import Batch, Subscription
from common.crypto.keys import KEY_SUBSCRIPTIONS
from common.events.membership import ProgrammeChanged, ProgrammeWithdrawn
from common.fold.customers import fold_events
from common.storage.database import Transaction
from membership.commands.coupons import settle_orders
from membership.commands.programme import refold_where_it_looks_further
from membership.fold import INPUTS, KEPT, MemberFolding, save
from membership.programme import store as programmes
from membership.programme.programme import Programme


async def on_inputs(tx: Transaction, batch: Batch) -> None:
    """Credit what orders earn, take back what refunds took, and announce whose tier or points changed."""
    rules = await programmes.get_rules(tx, (event.shop for event in batch.events))
    await save(tx, await fold_events(tx, MemberFolding(rules), batch.events))
    await settle_orders(tx, batch.events)


async def on_programmes(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads the programme's versions back; one met late has its members folded anew, by the sweep."""
    for event in batch.events:
        await programmes.lock_rules(tx, event.shop)
        before = (await programmes.read_rules(tx, {event.shop}))[event.shop]
        if isinstance(event.data, ProgrammeWithdrawn):
            await programmes.withdraw_version(tx, event.shop, event.data.version, event.time)
        else:
            data: ProgrammeChanged = event.data
            programme = Programme.model_validate(data.programme)
            await programmes.PROGRAMMES.insert(tx, event.shop, data.version, data.valid_from, programme, late=True)
            await programmes.save_ladders(tx, event.shop, [data.version])
        await refold_where_it_looks_further(tx, event.shop, before, f"months@{event.id}")


SUBSCRIPTIONS = (
    # Reasons of changes by hand are kept under their customers' keys.
    *KEY_SUBSCRIPTIONS,
    Subscription(on_programmes, (ProgrammeChanged, ProgrammeWithdrawn), ahead=True),
    Subscription(on_inputs, INPUTS, KEPT),
)

"""What does membership do when something happens elsewhere? Lock, fold, save, announce."""

from __future__ import annotations

from common.consumer import Batch, Subscription
from common.db import Transaction
from common.events.membership import ProgrammeChanged
from common.fold import Folded, fold_all, fold_events
from membership import store
from membership.domain.ledger import balances
from membership.domain.membership import INPUTS, MemberFolding
from membership.domain.programme import Programme
from membership.domain.state import MemberState


async def on_inputs(tx: Transaction, batch: Batch) -> None:
    """Credit what orders earn, take back what refunds took, and announce whose tier or points changed."""
    rules = await store.get_rules(tx, (event.shop for event in batch.events))
    await save(tx, await fold_events(tx, MemberFolding(rules), batch.events))


async def on_programmes(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads the programme's versions back; one met late has its members folded anew, by the sweep."""
    for event in batch.events:
        data: ProgrammeChanged = event.data
        await store.lock_programme(tx, event.shop)
        programme = Programme.model_validate(data.programme)
        await store.insert_programme(tx, event.shop, data.version, data.valid_from, programme, refold=True)


async def save(tx: Transaction, folded: Folded[MemberState]) -> None:
    """Post the legs, keep the redemptions, announce the facts of what was folded."""
    await store.insert_legs(tx, folded.steps)
    await store.save_commands(tx, (step.event for step in folded.steps if step.event is not None))
    await tx.announce(folded.facts())


async def verify(tx: Transaction) -> list[str]:
    """Fold everybody anew; says where a stored state or the ledger's sums differ from what the inputs make.

    Must come first in its transaction; the service may be running meanwhile.
    """
    await store.stand_still(tx)
    folding = MemberFolding(await store.get_all_rules(tx))
    found = []
    async for member in store.all_members(tx):
        state, _, _ = fold_all(folding, member.inputs, member.until, member.key)
        name = "/".join(member.key)
        if state != (member.state or folding.empty()):
            found.append(f"{name}: the stored state is not what its {len(member.inputs)} inputs make")
        if balances(state) != member.sums:
            found.append(f"{name}: the ledger's sums {member.sums} are not the balances {balances(state)}")
    for row in await store.unbalanced_causes(tx):
        found.append(f"{row.shop}/{row.customer}: the legs of {row.cause} come to {row.amount}, not to 0")
    return found


SUBSCRIPTIONS = (
    Subscription(on_programmes, (ProgrammeChanged,)),
    Subscription(on_inputs, INPUTS),
)

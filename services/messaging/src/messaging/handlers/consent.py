"""What customers allow and refuse, and what stays of it when they are erased."""

from __future__ import annotations

from common.bus.subscriptions import Batch
from common.storage.database import Transaction
from messaging.calls.store import forget_numbers
from messaging.commands.recalling import recall_persons
from messaging.consent import store
from messaging.consent.rules import statements_of, suppressed_of, suppression
from messaging.contacts.store import forget_contacts
from messaging.flows.running.store import wake_runs
from messaging.limits.caps import store as caps
from messaging.occasions.store import forget_own_days


async def on_permissions(tx: Transaction, batch: Batch) -> None:
    """Add what was said to the register; our own answers are read back here by a rebuild (SEC-005, MSG-009)."""
    said = [said for event in batch.events if event.subject is not None for said in statements_of(event)]
    await store.save_statements(tx, said)
    await store.relate_statements(tx, {key for key, _ in said})
    await recall_persons(tx, {key for key, statement in said if statement.state != "granted"})


async def on_erased(tx: Transaction, batch: Batch) -> None:
    """Forget how the customers were reached, but for addresses that they refused for: of those the hash stays.

    It is announced, too, since in a rebuild their contact data opens no more. Their ways through flows end.
    """
    keys = sorted({e.customer for e in batch.events})
    kept = [suppression(key, said) for key, said in await store.refusals_of(tx, keys)]
    await store.save_statements(tx, [suppressed_of(event) for event in kept])
    await forget_contacts(tx, keys)
    await store.forget_addresses(tx, keys)
    await caps.forget_addresses(tx, keys)
    await forget_numbers(tx, keys)
    await forget_own_days(tx, keys)
    await recall_persons(tx, keys)
    if not tx.rebuilding:
        await wake_runs(tx, [(e.customer, e.time) for e in batch.events])
    await tx.announce(kept)


async def on_suppressions(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads back what erased customers left behind."""
    await store.save_statements(tx, [suppressed_of(event) for event in batch.events])

"""Versions of the shop's rules of contact, read back by a rebuild."""

from __future__ import annotations

from common.bus.subscriptions import Batch
from common.events.messages import ContactPolicyChanged
from common.storage.database import Transaction
from messaging.policy.state import Policy
from messaging.policy.store import POLICIES


async def on_policies(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own versions back; what was decided without them stays decided."""
    for event in batch.events:
        data: ContactPolicyChanged = event.data
        await POLICIES.insert(tx, event.shop, data.version, data.valid_from, Policy.model_validate(data.policy))

"""Versions of the shop's rules of contact and of its templates, read back by a rebuild."""

from __future__ import annotations

from common.bus.subscriptions import Batch
from common.events.messages import ContactPolicyChanged, ContactPolicyWithdrawn, TemplateChanged
from common.storage.database import Transaction
from messaging.policy.state import Policy
from messaging.policy.store import insert_policy, save_withdrawal
from messaging.templates.document import TemplateDocument
from messaging.templates.store import TemplateVersion, insert_version


async def on_policies(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own versions back; what was decided without them stays decided, but for what is held for its
    hour: which of it each version freed already, the decisions say."""
    for event in batch.events:
        if isinstance(event.data, ContactPolicyWithdrawn):
            await save_withdrawal(tx, event.shop, event.data.version, event.time)
            continue
        data: ContactPolicyChanged = event.data
        policy = Policy.model_validate(data.policy)
        await insert_policy(tx, event.shop, data.version, data.valid_from, policy)


async def on_templates(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads drafts and approvals back."""
    for event in batch.events:
        d: TemplateChanged = event.data
        document = TemplateDocument.model_validate(d.document)
        new = TemplateVersion(d.version, d.valid_from, document, d.author, d.approved_by)
        await insert_version(tx, event.shop, new)

"""Messages that left after the instant to which a restore has set everything back: none leaves a second time."""

from __future__ import annotations

from collections.abc import Sequence

from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.delivery.state import Ended, Queued

REASON = "before_restore"
_OURS = Columns("w", shop="text", customer="text", message_id="text")


async def left_before(tx: Transaction, messages: Sequence[Queued]) -> dict[str, Ended]:
    """By message id what became of those of these that had left; in doubt stays in doubt (M1)."""
    by_id = {m.about.message_id: m for m in messages}
    # By primary key; the table is empty but after a restore.
    rows = await tx.fetch(
        f"""
        select w.message_id, l.state, l.at from {_OURS} join left_before_restore l using (shop, customer, message_id)
        """,
        **_OURS.of((*m.key, m.about.message_id) for m in messages),
    )
    return {
        row.message_id: Ended(
            (message := by_id[row.message_id]),
            row.state,
            max(row.at, message.at),
            reason=None if row.state == "sent" else REASON,
            tried=False,
        )
        for row in rows
    }

"""Messages that came to their end before a rebuild, as the facts about them say."""

from __future__ import annotations

from collections.abc import Sequence

from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.delivery.read_back import Finished

_FINISHED = Columns(
    "n",
    shop="text",
    customer="text",
    message_id="text",
    flow="text",
    purpose="text",
    rank="integer",
    channel="text",
    at="timestamptz",
    leave_before="timestamptz",
    state="text",
    reason="text",
    attempts="integer",
    sent_at="timestamptz",
    address="bytea",
    sent_to="bytea",
)


async def save_finished(tx: Transaction, finished: Sequence[Finished]) -> None:
    """Add messages that came to their end; idempotent. The customers are locked."""
    if not finished:
        return
    # An erased customer's count for nobody else who has the address: the hash is forgotten with the erasure.
    await tx.execute(
        f"""
        insert into messages (shop, customer, message_id, flow, purpose, rank, channel, at, leave_before, state, reason,
            attempts, sent_at, address, sent_to)
        select n.shop, n.customer, n.message_id, n.flow, n.purpose, n.rank, n.channel, n.at, n.leave_before, n.state,
            n.reason, n.attempts, n.sent_at, case when k.erased_at is null then n.address end,
            case when k.erased_at is null then n.sent_to end
        from {_FINISHED} left join customer_keys k using (shop, customer) on conflict do nothing
        """,
        **_FINISHED.of(
            (
                *f.customer,
                f.message_id,
                f.flow,
                f.purpose,
                f.queued.rank,
                f.channel,
                f.queued.at,
                f.queued.leave_before,
                f.state,
                f.reason,
                f.queued.attempts,
                f.sent_at,
                bytes.fromhex(f.queued.address) if f.queued.address is not None else None,
                bytes.fromhex(f.queued.sent_to) if f.queued.sent_to is not None else None,
            )
            for f in finished
        ),
    )

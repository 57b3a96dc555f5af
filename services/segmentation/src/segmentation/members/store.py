"""Members of the shop: when each was enrolled."""

from __future__ import annotations

from collections.abc import Sequence

from common.events import Event
from common.events.membership import MemberEnrolled
from common.storage.columns import Columns
from common.storage.database import Transaction

_ENROLLED = Columns("e", shop="text", customer="text", enrolled_at="timestamptz")


async def save_members(tx: Transaction, events: Sequence[Event[MemberEnrolled]]) -> None:
    """Remember who is a member; a second announcement of the same customer changes only the date. Idempotent."""
    newest = {event.customer: event for event in events}
    # All at once, sorted, so that two writers never wait for each other in a circle.
    await tx.execute(
        f"""
        insert into members (shop, customer, enrolled_at) select * from {_ENROLLED}
        on conflict (shop, customer) do update set enrolled_at = excluded.enrolled_at
        """,
        **_ENROLLED.of((*key, newest[key].data.enrolled_at) for key in sorted(newest)),
    )

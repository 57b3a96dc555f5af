"""Members of the shop: when each was enrolled, and the tier of each."""

from __future__ import annotations

from collections.abc import Sequence

from common.events import Event
from common.events.membership import MemberEnrolled, TierChanged
from common.storage.columns import Columns
from common.storage.database import Transaction

_TIERS = Columns("t", shop="text", customer="text", tier="text", revision="bigint")
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


async def save_tiers(tx: Transaction, events: Sequence[Event[MemberEnrolled] | Event[TierChanged]]) -> None:
    """Remember the tier that each event announces; of a member the highest revision counts. Idempotent."""
    newest: dict[tuple[str, str], Event[MemberEnrolled] | Event[TierChanged]] = {}
    for event in sorted(events, key=lambda e: e.data.revision):
        newest[event.customer] = event
    # All at once, sorted, so that two writers never wait for each other in a circle.
    await tx.execute(
        f"""
        insert into tiers as k (shop, customer, tier, revision) select shop, customer, tier, revision from {_TIERS}
        on conflict (shop, customer) do update set tier = excluded.tier, revision = excluded.revision
        where k.revision <= excluded.revision
        """,
        **_TIERS.of((*key, tier_of(event.data), event.data.revision) for key, event in sorted(newest.items())),
    )


def tier_of(data: MemberEnrolled | TierChanged) -> str:
    """The tier that the event announces, by the name that it is shown under."""
    return data.new if isinstance(data, TierChanged) else data.tier

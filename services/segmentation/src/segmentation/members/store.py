"""Members of the shop: when each was enrolled, and the tier that each holds."""

from __future__ import annotations

from collections.abc import Sequence

from common.events import CustomerKey, Event
from common.events.membership import MemberEnrolled, TierChanged
from common.storage.columns import Columns
from common.storage.database import Transaction

_ENROLLED = Columns("e", shop="text", customer="text", enrolled_at="timestamptz")
_TIERS = Columns("e", shop="text", customer="text", tier_id="text", tier="text", revision="bigint")


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


def tier_of(data: MemberEnrolled | TierChanged) -> tuple[str, str]:
    """Id and name of the tier that the announcement gives; one without an id goes by its name in small letters."""
    name, found = (data.tier, data.tier_id) if isinstance(data, MemberEnrolled) else (data.new, data.new_id)
    return found or name.casefold(), name


async def save_tiers(tx: Transaction, events: Sequence[Event[MemberEnrolled] | Event[TierChanged]]) -> None:
    """Keep the tier of the highest revision of each member. Idempotent."""
    newest: dict[CustomerKey, Event[MemberEnrolled] | Event[TierChanged]] = {}
    for event in events:
        kept = newest.get(event.customer)
        if kept is None or event.data.revision >= kept.data.revision:
            newest[event.customer] = event
    # All at once, sorted, so that two writers never wait for each other in a circle.
    await tx.execute(
        f"""
        insert into member_tiers as t (shop, customer, tier_id, tier, revision) select * from {_TIERS}
        on conflict (shop, customer) do update
        set tier_id = excluded.tier_id, tier = excluded.tier, revision = excluded.revision
        where excluded.revision > t.revision
        """,
        **_TIERS.of((*key, *tier_of(e.data), e.data.revision) for key, e in sorted(newest.items(), key=lambda n: n[0])),
    )

"""What was announced last of each member: one narrow row a customer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey, Event
from common.events.membership import GrowthChanged, MemberEnrolled, MembershipFact, PointsChanged, TierChanged
from common.storage.database import Transaction
from membership.histories.ranges import within

_TYPES = {
    "revision": "bigint", "enrolled_at": "timestamptz", "tier": "text", "in_grace": "boolean", "pending": "bigint",
    "available": "bigint", "debt": "bigint", "growth": "bigint",
}  # fmt: skip


def _told(data: MembershipFact) -> dict[str, Any]:
    """What a fact says of the member from now on, by column."""
    match data:
        case MemberEnrolled():
            return {"enrolled_at": data.enrolled_at, "tier": data.tier_id}
        case TierChanged():
            return {"tier": data.new_id, "in_grace": data.in_grace}
        case PointsChanged():
            return {"pending": data.pending, "available": data.available, "debt": data.debt}
        case GrowthChanged():
            return {"growth": data.growth}
    return {}


async def save_announced(tx: Transaction, facts: Iterable[Event[Any]]) -> None:
    """Keep what these facts say; where they say nothing, what was said before stays."""
    found: dict[CustomerKey, dict[str, Any]] = {}
    for fact in facts:
        row = found.setdefault(fact.customer, {})
        row.update(_told(fact.data), revision=fact.data.revision)
    if not found:
        return
    columns = ", ".join(_TYPES)
    arrays = ", ".join(f"cast(:{name} as {kind}[])" for name, kind in _TYPES.items())
    kept = ", ".join(f"{name} = coalesce(excluded.{name}, a.{name})" for name in _TYPES)
    # The customers are locked.
    await tx.execute(
        f"""
        insert into announced as a (shop, customer, {columns})
        select * from unnest(cast(:shops as text[]), cast(:customers as text[]), {arrays})
        on conflict (shop, customer) do update set {kept}
        """,
        shops=[shop for shop, _ in found],
        customers=[customer for _, customer in found],
        **{name: [row.get(name) for row in found.values()] for name in _TYPES},
    )


async def list_announced(tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> Sequence[Row[Any]]:
    """What was announced of the customers behind `after` through `last`."""
    stretch, bounds = within(after, last)
    # By the primary key.
    return await tx.fetch(f"select * from announced where {stretch}", **bounds)

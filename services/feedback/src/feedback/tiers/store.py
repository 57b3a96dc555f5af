"""The tier of each customer by its newest revision."""

from __future__ import annotations

from collections.abc import Sequence

from common.events import CustomerKey, Event
from common.events.membership import TierChanged
from common.storage.columns import Columns
from common.storage.database import Transaction

_TIERS = Columns("n", shop="text", customer="text", revision="bigint", tier_id="text", name="text")


async def save_tiers(tx: Transaction, events: Sequence[Event[TierChanged]]) -> None:
    """Keep the newest tier of each customer. Idempotent, in any order."""
    newest: dict[CustomerKey, TierChanged] = {}
    for event in events:
        known = newest.get(event.customer)
        if known is None or event.data.revision > known.revision:
            newest[event.customer] = event.data
    # The highest revision counts, in whatever order they come.
    await tx.execute(
        f"""
        insert into tiers as t (shop, customer, revision, tier_id, name) select * from {_TIERS}
        on conflict (shop, customer) do update
        set revision = excluded.revision, tier_id = excluded.tier_id, name = excluded.name
        where excluded.revision > t.revision
        """,
        **_TIERS.of((*key, data.revision, data.new_id, data.new) for key, data in newest.items()),
    )


async def get_tier(tx: Transaction, customer: CustomerKey) -> tuple[str, ...]:
    """The id and the name of the customer's tier; empty where none was announced."""
    row = await tx.fetch_one(
        "select tier_id, name from tiers where shop = :shop and customer = :customer",
        shop=customer[0],
        customer=customer[1],
    )
    return () if row is None else tuple(name for name in (row.tier_id, row.name) if name)

"""Requests for coupons that membership declined: who waits for one waits no longer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from common.events import CustomerKey, Event
from common.events.membership import CouponDeclined
from common.storage.columns import Columns
from common.storage.database import Transaction

_DECLINED = Columns("n", shop="text", customer="text", batch="text", reason="text", at="timestamptz")
_OF = Columns("w", shop="text", customer="text")


async def save_declined(tx: Transaction, events: Iterable[Event[CouponDeclined]]) -> None:
    """Keep what was declined. Idempotent; the customers are locked."""
    # By primary key: a request is declined once.
    await tx.execute(
        f"""
        insert into declined_coupons (shop, customer, batch, reason, at) select * from {_DECLINED}
        on conflict do nothing
        """,
        **_DECLINED.of((*e.customer, e.data.batch, e.data.reason, e.time) for e in events),
    )


async def get_declined(tx: Transaction, keys: Sequence[CustomerKey]) -> dict[CustomerKey, set[str]]:
    """The requests of these customers that were declined, by batch."""
    found: dict[CustomerKey, set[str]] = {}
    # By primary key.
    for r in await tx.fetch(
        f"select d.shop, d.customer, d.batch from {_OF} join declined_coupons d using (shop, customer)", **_OF.of(keys)
    ):
        found.setdefault((r.shop, r.customer), set()).add(r.batch)
    return found

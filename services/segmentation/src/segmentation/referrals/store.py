"""Referrals: of each customer who came by a code, the one who had given it."""

from __future__ import annotations

from collections.abc import Sequence

from common.events import Event
from common.events.membership import ReferralMade
from common.storage.columns import Columns
from common.storage.database import Transaction

_REFERRALS = Columns("e", shop="text", customer="text", referrer="text", at="timestamptz", cause="text")


async def save_referrals(tx: Transaction, events: Sequence[Event[ReferralMade]]) -> None:
    """Remember who came by whom; the newest announcement of a customer counts, whenever it comes. Idempotent."""
    newest: dict[tuple[str, str], Event[ReferralMade]] = {}
    for event in sorted(events, key=lambda each: (each.time, each.id)):
        newest[event.customer] = event
    # All at once, sorted, so that two writers never wait for each other in a circle.
    await tx.execute(
        f"""
        insert into referrals as r (shop, customer, referrer, at, cause) select * from {_REFERRALS}
        on conflict (shop, customer) do update
        set referrer = excluded.referrer, at = excluded.at, cause = excluded.cause
        where (excluded.at, excluded.cause) > (r.at, r.cause)
        """,
        **_REFERRALS.of((*key, e.data.referrer, e.time, e.id) for key, e in sorted(newest.items())),
    )

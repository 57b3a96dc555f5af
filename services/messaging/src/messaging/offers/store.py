"""Offers that the shop set, and when they are over."""

from __future__ import annotations

from collections.abc import Iterable

from common.events import Event
from common.events.membership import OfferSet, OfferStopped
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.offers.rules import Offer

MOST = 1_000
_SET = Columns("n", shop="text", offer_id="text", starts="timestamptz", ends="timestamptz", needs_coupons="boolean")
_STOPPED = Columns("n", shop="text", offer_id="text", stopped_at="timestamptz")


async def save_offers(tx: Transaction, events: Iterable[Event[OfferSet]]) -> None:
    """Keep what was set; terms never change. Idempotent, before or after it was stopped."""
    # By primary key.
    await tx.execute(
        f"""
        insert into defined_offers (shop, offer_id, starts, ends, needs_coupons) select * from {_SET}
        on conflict (shop, offer_id) do update set starts = excluded.starts, ends = excluded.ends,
            needs_coupons = excluded.needs_coupons
        """,
        **_SET.of(sorted({(e.shop, d.offer_id, d.starts, d.ends, d.needs_coupons) for e in events for d in (e.data,)})),
    )


async def save_stopped(tx: Transaction, events: Iterable[Event[OfferStopped]]) -> None:
    """Keep that these were stopped. Idempotent, before or after they were set."""
    # By primary key.
    await tx.execute(
        f"""
        insert into defined_offers (shop, offer_id, stopped_at) select * from {_STOPPED}
        on conflict (shop, offer_id) do update set stopped_at = excluded.stopped_at
        """,
        **_STOPPED.of(sorted({(e.shop, e.data.offer_id, e.time) for e in events})),
    )


async def get_offers(tx: Transaction, shop: str) -> dict[str, Offer]:
    """The shop's offers by their ids, the last to end first where there are more than a thousand."""
    # By the primary key's first column: a shop has some hundred at most.
    rows = await tx.fetch(
        """
        select offer_id, least(ends, stopped_at) as ends, needs_coupons from defined_offers
        where shop = :shop and ends is not null order by ends desc, offer_id limit :most
        """,
        shop=shop,
        most=MOST,
    )
    return {r.offer_id: Offer(r.ends, r.needs_coupons) for r in rows}

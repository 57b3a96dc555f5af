"""Offers that the shop set, and when they are over."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from common.events import Event
from common.events.membership import OfferSet, OfferStopped
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.offers.rules import LISTED, Offer

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


async def get_offers(tx: Transaction, shop: str, asked: Collection[str]) -> dict[str, Offer]:
    """The offers of these ids that the shop has, and a few more to choose from: those with coupons that end last."""
    # Those asked for by primary key; the others by its first column: a shop has some hundred, seldom thousands.
    rows = await tx.fetch(
        """
        select offer_id, least(ends, stopped_at) as ends, needs_coupons from defined_offers
        where shop = :shop and ends is not null and offer_id = any(:asked)
        union
        (select offer_id, least(ends, stopped_at) as ends, needs_coupons from defined_offers
         where shop = :shop and ends is not null and needs_coupons
         order by least(ends, stopped_at) desc, offer_id limit :listed)
        """,
        shop=shop,
        asked=sorted({*asked}),
        listed=LISTED,
    )
    return {r.offer_id: Offer(r.ends, r.needs_coupons) for r in rows}

"""Reviews as they were accepted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from common.events import Event
from common.events.feedback import ReviewSubmitted
from common.storage.database import Transaction

_REVIEW = "shop, customer, review_id, order_id, sku, stars, text, source, submitted_at"


async def save_review(tx: Transaction, event: Event[ReviewSubmitted]) -> bool:
    """Store a review, its text encrypted; False when there is one. The customer is locked."""
    changed = await tx.execute(
        """
        insert into reviews (shop, customer, review_id, order_id, sku, stars, text, source, submitted_at)
        values (:shop, :customer, :review_id, :order_id, :sku, :stars, :text, :source, :at)
        on conflict do nothing
        """,
        shop=event.shop,
        customer=event.subject,
        review_id=event.data.review_id,
        order_id=event.data.order_id,
        sku=event.data.sku,
        stars=event.data.stars,
        text=event.data.text,
        source=event.data.source,
        at=event.time,
    )
    return changed == 1


async def get_review(tx: Transaction, shop: str, customer: str, review_id: str) -> ReviewSubmitted | None:
    """A review as stored: its text encrypted."""
    row = await tx.fetch_one(
        """
        select review_id, order_id, sku, stars, text, source from reviews
        where shop = :shop and customer = :customer and review_id = :review_id
        """,
        shop=shop,
        customer=customer,
        review_id=review_id,
    )
    return ReviewSubmitted.model_validate(dict(row._mapping)) if row else None


async def list_reviews(
    tx: Transaction, shop: str, *, customer: str | None, order_id: str | None, after: str, limit: int
) -> Sequence[Row[Any]]:
    """A shop's reviews by id and customer, from the one after `after` ("<id> <customer>") on."""
    return await tx.fetch(
        f"""
        select {_REVIEW} from reviews
        where shop = :shop and (review_id, customer) > (:after_review, :after_customer)
          and (cast(:customer as text) is null or customer = :customer)
          and (cast(:order_id as text) is null or order_id = :order_id)
        order by review_id, customer limit :limit
        """,
        shop=shop,
        customer=customer,
        order_id=order_id,
        after_review=after.partition(" ")[0],
        after_customer=after.partition(" ")[2],
        limit=limit,
    )

"""Reviews as they were accepted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey, Event
from common.events.feedback import ReviewSubmitted
from common.storage.columns import Columns
from common.storage.database import Transaction

_CONTENT = "review_id, order_id, sku, stars, dsr_goods, dsr_service, dsr_shipping, text, photos, source"
_REVIEW = f"shop, customer, {_CONTENT}, submitted_at"
_CUSTOMERS = Columns("w", shop="text", customer="text")


async def save_review(tx: Transaction, event: Event[ReviewSubmitted]) -> bool:
    """Store a review, its text and photos encrypted; False when there is one. The customer is locked."""
    changed = await tx.execute(
        f"""
        insert into reviews ({_REVIEW})
        values (:shop, :customer, :review_id, :order_id, :sku, :stars, :dsr_goods, :dsr_service, :dsr_shipping, :text,
                cast(:photos as text[]), :source, :at)
        on conflict do nothing
        """,
        shop=event.shop,
        customer=event.subject,
        at=event.time,
        **event.data.model_dump() | {"photos": list(event.data.photos)},
    )
    return changed == 1


async def get_review(tx: Transaction, shop: str, customer: str, review_id: str) -> ReviewSubmitted | None:
    """A review as stored: its text and photos encrypted."""
    row = await tx.fetch_one(
        f"select {_CONTENT} from reviews where shop = :shop and customer = :customer and review_id = :review_id",
        shop=shop,
        customer=customer,
        review_id=review_id,
    )
    return review_of(row) if row else None


async def list_reviews(
    tx: Transaction, shop: str, *, people: Sequence[str] | None, order_id: str | None, after: str, limit: int
) -> Sequence[Row[Any]]:
    """A shop's reviews, or those of `people` alone, by id and customer, from the one after `after` ("<id> <customer>")
    on."""
    return await tx.fetch(
        f"""
        select {_REVIEW} from reviews
        where shop = :shop and (review_id, customer) > (:after_review, :after_customer)
          and (cast(:people as text[]) is null or customer = any(cast(:people as text[])))
          and (cast(:order_id as text) is null or order_id = :order_id)
        order by review_id, customer limit :limit
        """,
        shop=shop,
        people=people,
        order_id=order_id,
        after_review=after.partition(" ")[0],
        after_customer=after.partition(" ")[2],
        limit=limit,
    )


async def list_reviews_of(tx: Transaction, customers: Iterable[CustomerKey]) -> Sequence[Row[Any]]:
    """All reviews of these customers; `review_of` makes the content of each."""
    columns = ", ".join(f"r.{name}" for name in _REVIEW.split(", "))
    return await tx.fetch(
        f"select {columns} from {_CUSTOMERS} join reviews r on r.shop = w.shop and r.customer = w.customer",
        **_CUSTOMERS.of(customers),
    )


async def erase(tx: Transaction, customers: Iterable[CustomerKey]) -> None:
    """Forget texts and photos of erased customers (SEC-006); scores name only their id."""
    # The ciphertext is worthless without its key; it goes all the same.
    await tx.execute(
        f"""
        update reviews r set text = null, photos = '{{}}' from {_CUSTOMERS}
        where r.shop = w.shop and r.customer = w.customer and (r.text is not null or r.photos <> '{{}}')
        """,
        **_CUSTOMERS.of(customers),
    )


def review_of(row: Row[Any]) -> ReviewSubmitted:
    """The content of a review from its row, as stored."""
    return ReviewSubmitted.model_validate({name: getattr(row, name) for name in ReviewSubmitted.model_fields})

"""Content about the goods, a row a revision; `newest` marks how each stands. The shop's own has an empty customer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row

from common.crypto.sealing import map_personal
from common.events import CustomerKey, Event
from common.events.feedback import ContentEvent
from common.storage.columns import Columns
from common.storage.database import Transaction

_CUSTOMERS = Columns("w", shop="text", customer="text")
MOST_OF_A_KIND = 200
"""Of approved content of one kind, so much of the best and newest is looked at for a selection."""


class Place(NamedTuple):
    """Where content stands in the list."""

    submitted_at: datetime
    content_id: str


async def save(tx: Transaction, event: Event[ContentEvent]) -> None:
    """Keep a revision; the content's name is held, or its partition read in order. Idempotent, in any order."""
    data, customer = event.data, event.subject or ""
    added = await tx.execute(
        """
        insert into contents (shop, customer, content_id, revision, newest, state, kind, sku, grade, featured,
                              submitted_at, type, at, body)
        values (:shop, :customer, :content_id, :revision, not exists (
                    select from contents n
                    where n.shop = :shop and n.customer = :customer and n.content_id = :content_id
                      and n.revision > :revision
                ), :state, :kind, :sku, :grade, :featured, :submitted_at, :type, :at, cast(:body as jsonb))
        on conflict do nothing
        """,
        shop=event.shop,
        customer=customer,
        content_id=data.content_id,
        revision=data.revision,
        state=data.state,
        kind=data.kind,
        sku=data.sku,
        grade=data.grade,
        featured=data.featured,
        submitted_at=data.submitted_at,
        type=event.type,
        at=event.time,
        body=data.as_json(),
    )
    if added and data.revision > 1:
        await tx.execute(
            """
            update contents set newest = false
            where shop = :shop and customer = :customer and content_id = :content_id and revision < :revision
              and newest
            """,
            shop=event.shop,
            customer=customer,
            content_id=data.content_id,
            revision=data.revision,
        )


async def get_content(tx: Transaction, shop: str, content_id: str) -> tuple[str | None, ContentEvent] | None:
    """The customer and the content as it stands, texts encrypted; None where there is none."""
    row = await tx.fetch_one(
        """
        select customer, cast(body as text) as body from contents
        where shop = :shop and content_id = :content_id and newest
        """,
        shop=shop,
        content_id=content_id,
    )
    return None if row is None else (row.customer or None, ContentEvent.model_validate_json(row.body))


async def get_first(tx: Transaction, shop: str, customer: str | None, content_id: str) -> ContentEvent | None:
    """The content as it was submitted."""
    row = await tx.fetch_one(
        """
        select cast(body as text) as body from contents
        where shop = :shop and customer = :customer and content_id = :content_id and revision = 1
        """,
        shop=shop,
        customer=customer or "",
        content_id=content_id,
    )
    return None if row is None else ContentEvent.model_validate_json(row.body)


async def list_contents(
    tx: Transaction, shop: str, state: str, after: Place | None, limit: int, people: Sequence[str] | None
) -> Sequence[Row[Any]]:
    """Content as it stands, the oldest first; of one person if asked."""
    return await tx.fetch(
        """
        select customer, submitted_at, content_id, cast(body as text) as body from contents
        where shop = :shop and state = :state and newest
          and (cast(:after_at as timestamptz) is null or (submitted_at, content_id) > (:after_at, :after_id))
          and (cast(:people as text[]) is null or customer = any(:people))
        order by submitted_at, content_id limit :limit
        """,
        shop=shop,
        state=state,
        after_at=after.submitted_at if after else None,
        after_id=after.content_id if after else None,
        people=None if people is None else list(people),
        limit=limit,
    )


async def list_approved(tx: Transaction, shop: str, kinds: Sequence[str], sku: str | None) -> Sequence[Row[Any]]:
    """Approved content of these kinds, of each the best and newest; of one product if asked."""
    return await tx.fetch(
        """
        select found.* from unnest(cast(:kinds as text[])) as k(kind) cross join lateral (
            select c.customer, cast(c.body as text) as body from contents c
            where c.shop = :shop and c.kind = k.kind and c.newest and c.state = 'approved'
              and (cast(:sku as text) is null or c.sku = :sku)
            order by c.featured desc, c.grade, c.submitted_at desc, c.content_id limit :most
        ) found
        """,
        shop=shop,
        kinds=list(kinds),
        sku=sku,
        most=MOST_OF_A_KIND,
    )


async def erase(tx: Transaction, customers: Iterable[CustomerKey]) -> None:
    """Forget what erased customers wrote and showed (SEC-006); content without words is selected no more."""
    rows = await tx.fetch(
        f"""
        select t.shop, t.customer, t.content_id, t.revision, cast(t.body as text) as body
        from {_CUSTOMERS} join contents t on t.shop = w.shop and t.customer = w.customer
        """,
        **_CUSTOMERS.of(customers),
    )
    for row in rows:
        bare: ContentEvent = map_personal(ContentEvent.model_validate_json(row.body), lambda _text, _path: None)
        await tx.execute(
            """
            update contents set body = cast(:body as jsonb)
            where shop = :shop and customer = :customer and content_id = :content_id and revision = :revision
            """,
            shop=row.shop,
            customer=row.customer,
            content_id=row.content_id,
            revision=row.revision,
            body=bare.as_json(),
        )

"""Content about the goods by revision, as it is moderated and shown. The shop's own has an empty customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row

from common.events import CustomerKey
from common.events.feedback import ContentEvent
from common.storage.database import Transaction
from feedback.revisions.table import RevisionTable

CONTENTS = RevisionTable(
    "contents", ContentEvent, "content_id", ("state", "kind", "sku", "grade", "featured", "submitted_at")
)
MOST_OF_A_KIND = 200
"""Of approved content of one kind, so much of the best and newest is looked at for a selection."""


class Place(NamedTuple):
    """Where content stands in the list."""

    submitted_at: datetime
    content_id: str


async def list_contents(
    tx: Transaction,
    shop: str,
    state: str,
    after: Place | None,
    limit: int,
    people: Sequence[str] | None,
    *,
    to_approve: bool,
) -> Sequence[Row[Any]]:
    """Content as it stands, the oldest first; if asked, of one person, or whose reward waits for a second person."""
    # What waits is in a partial index, whose condition stands in the statement as it is.
    waits = "and state = 'approved' and body ->> 'no_reward' = 'another_person'" if to_approve else ""
    return await tx.fetch(
        f"""
        select customer, submitted_at, content_id, cast(body as text) as body from contents
        where shop = :shop and state = :state and newest
          and (cast(:after_at as timestamptz) is null or (submitted_at, content_id) > (:after_at, :after_id))
          and (cast(:people as text[]) is null or customer = any(:people))
          {waits}
        order by submitted_at, content_id limit :limit
        """,
        shop=shop,
        state=state,
        after_at=after.submitted_at if after else None,
        after_id=after.content_id if after else None,
        people=None if people is None else list(people),
        limit=limit,
    )


async def count_rewarded(tx: Transaction, people: Sequence[CustomerKey], since: datetime) -> int:
    """How much content of one person (`people`), not withdrawn, was rewarded after `since`; the person is locked."""
    # A customer has little; by primary key.
    return int(
        await tx.value(
            """
            select count(*) from contents
            where shop = :shop and customer = any(:people) and newest and state = 'approved'
              and cast(body -> 'reward' ->> 'at' as timestamptz) > :since
            """,
            shop=people[0][0],
            people=[name for _, name in people],
            since=since,
        )
    )


async def list_approved(tx: Transaction, shop: str, kinds: Sequence[str], sku: str | None) -> Sequence[Row[Any]]:
    """Approved content of these kinds, of each the best and newest; of one product if asked. What an erased customer
    wrote is nothing to be shown."""
    return await tx.fetch(
        """
        select found.* from unnest(cast(:kinds as text[])) as k(kind) cross join lateral (
            select c.customer, cast(c.body as text) as body from contents c
            where c.shop = :shop and c.kind = k.kind and c.newest and c.state = 'approved'
              and (cast(:sku as text) is null or c.sku = :sku)
              and (c.body ->> 'text' is not null or c.body ->> 'link' is not null
                   or jsonb_array_length(coalesce(c.body -> 'photos', '[]')) > 0)
            order by c.featured desc, c.grade, c.submitted_at desc, c.content_id limit :most
        ) found
        """,
        shop=shop,
        kinds=list(kinds),
        sku=sku,
        most=MOST_OF_A_KIND,
    )

"""Reviews and complaints of customers, without their texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from common.events import Event
from common.events.feedback import ReviewSubmitted, TicketEvent
from common.shops.settings import ShopSettings
from common.storage.columns import Columns
from common.storage.database import Transaction

_REVIEWS = Columns(
    "w",
    shop="text",
    customer="text",
    review_id="text",
    day="date",
    at="timestamptz",
    stars="smallint",
    photos="smallint",
)
_COMPLAINTS = Columns(
    "w",
    shop="text",
    customer="text",
    ticket_id="text",
    kind="text",
    day="date",
    opened_at="timestamptz",
    answered_at="timestamptz",
    resolved_at="timestamptz",
    rating="smallint",
    revision="bigint",
)
COMPLAINING = ("complaint", "quality", "delivery")
"""Kinds of tickets that complain: questions, suggestions and goods that come back do not by themselves."""


async def save_reviews(
    tx: Transaction, events: Sequence[Event[ReviewSubmitted]], settings: Mapping[str, ShopSettings]
) -> None:
    """Remember these reviews, each once."""
    # By primary key, sorted, so that two writers never wait for each other in a circle.
    await tx.execute(
        f"""
        insert into reviews (shop, customer, review_id, day, at, stars, photos)
        select shop, customer, review_id, day, at, stars, photos from {_REVIEWS} on conflict do nothing
        """,
        **_REVIEWS.of(
            (*e.customer, e.data.review_id, settings[e.shop].date_of(e.time), e.time, e.data.stars, len(e.data.photos))
            for e in sorted(events, key=lambda e: (e.customer, e.data.review_id))
        ),
    )


async def save_complaints(
    tx: Transaction, events: Sequence[Event[TicketEvent]], settings: Mapping[str, ShopSettings]
) -> None:
    """Remember how these complaints stand; the highest revision of each stays. Idempotent."""
    newest: dict[tuple[str, str, str], TicketEvent] = {}
    for event in sorted(events, key=lambda e: e.data.revision):
        newest[(*event.customer, event.data.ticket_id)] = event.data
    # By primary key, sorted.
    await tx.execute(
        f"""
        insert into complaints as k
            (shop, customer, ticket_id, kind, day, opened_at, answered_at, resolved_at, rating, revision)
        select shop, customer, ticket_id, kind, day, opened_at, answered_at, resolved_at, rating, revision
        from {_COMPLAINTS}
        on conflict (shop, customer, ticket_id) do update
        set kind = excluded.kind, answered_at = excluded.answered_at, resolved_at = excluded.resolved_at,
            rating = excluded.rating, revision = excluded.revision
        where k.revision <= excluded.revision
        """,
        **_COMPLAINTS.of(
            (
                *name,
                data.kind,
                settings[name[0]].date_of(data.opened_at),
                data.opened_at,
                data.answered_at,
                data.resolved_at,
                data.rating,
                data.revision,
            )
            for name, data in sorted(newest.items())
        ),
    )


async def sum_voices(tx: Transaction, shop: str, customer: str) -> Row[Any]:
    """Row reviews, rated, positive (4 or 5 stars), low (1 or 2), photo_reviews, complaints of the customer."""
    # Ranges of two primary keys.
    row = await tx.fetch_one(
        """
        select count(*) as reviews, count(stars) as rated, count(*) filter (where stars >= 4) as positive,
               count(*) filter (where stars <= 2) as low, count(*) filter (where photos > 0) as photo_reviews,
               (select count(*) from complaints where shop = :shop and customer = :customer
                                                  and kind = any(:kinds)) as complaints
        from reviews where shop = :shop and customer = :customer
        """,
        shop=shop,
        customer=customer,
        kinds=list(COMPLAINING),
    )
    if row is None:
        raise RuntimeError("an aggregate without groups always has one row")
    return row

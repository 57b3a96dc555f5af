"""Reviews, complaints, and what feedback reads in them, without the texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from common.crypto.erasing import NOT_ERASED
from common.events import CustomerKey, Event
from common.events.feedback import ReviewSubmitted, SignalsNoted, TicketEvent
from common.shops.settings import ShopSettings
from common.storage.columns import Columns
from common.storage.database import Transaction
from segmentation.traits.state import Voices

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
_SIGNALS = Columns(
    "w",
    shop="text",
    customer="text",
    source="text",
    name="text",
    part="text",
    day="date",
    signals="text",
    reader="text",
)
_KEYS = Columns("w", shop="text", customer="text")
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


async def get_voices(tx: Transaction, shop: str, customers: Sequence[str]) -> dict[str, Voices]:
    """What these people said: reviews, complaints, and what feedback read in their texts; each has an entry."""
    # Ranges of three primary keys.
    rows = await tx.fetch(
        """
        select customer, cast(sum(reviews) as integer) as reviews, cast(sum(rated) as integer) as rated,
               cast(sum(positive) as integer) as positive, cast(sum(low) as integer) as low,
               cast(sum(photo_reviews) as integer) as photo_reviews, cast(sum(complaints) as integer) as complaints,
               cast(sum(stories) as integer) as stories, cast(sum(haggling) as integer) as haggling,
               cast(sum(praise) as integer) as praise
        from (
            select customer, count(*) as reviews, count(stars) as rated, count(*) filter (where stars >= 4) as positive,
                   count(*) filter (where stars <= 2) as low, count(*) filter (where photos > 0) as photo_reviews,
                   0 as complaints, 0 as stories, 0 as haggling, 0 as praise
            from reviews_of_people where shop = :shop and customer = any(:customers) group by customer
            union all
            select customer, 0, 0, 0, 0, 0, count(*), 0, 0, 0
            from complaints_of_people where shop = :shop and customer = any(:customers) and kind = any(:kinds)
            group by customer
            union all
            select customer, 0, 0, 0, 0, 0, 0, count(*) filter (where 'story' = any(signals)),
                   count(*) filter (where 'haggling' = any(signals)),
                   count(*) filter (where 'praise_seeking' = any(signals))
            from signals_of_people where shop = :shop and customer = any(:customers) group by customer
        ) said group by customer
        """,
        shop=shop,
        customers=list(customers),
        kinds=list(COMPLAINING),
    )
    found = {row.customer: Voices(**{k: v for k, v in row._asdict().items() if k != "customer"}) for row in rows}
    return {customer: found.get(customer, Voices()) for customer in customers}


async def save_signals(
    tx: Transaction, events: Sequence[Event[SignalsNoted]], settings: Mapping[str, ShopSettings]
) -> None:
    """Remember what these texts show; of one text the newest reading. Idempotent. Of an erased customer nothing is."""
    newest: dict[tuple[str, ...], Event[SignalsNoted]] = {}
    for event in sorted(events, key=lambda e: (len(e.data.reader), e.data.reader)):
        newest[(*event.customer, event.data.source, event.data.name, event.data.part or "")] = event
    # By primary key, sorted.
    await tx.execute(
        f"""
        insert into signals as k (shop, customer, source, name, part, day, signals, reader)
        select shop, customer, source, name, part, day, string_to_array(signals, ' '), reader
        from {_SIGNALS} where {NOT_ERASED}
        on conflict (shop, customer, source, name, part) do update
        set signals = excluded.signals, reader = excluded.reader
        where (length(k.reader), k.reader) <= (length(excluded.reader), excluded.reader)
        """,
        **_SIGNALS.of(
            (*name, settings[name[0]].date_of(e.time), " ".join(sorted(set(e.data.signals))), e.data.reader)
            for name, e in sorted(newest.items())
        ),
    )


async def erase_signals(tx: Transaction, customers: Sequence[CustomerKey]) -> None:
    """Remove what was read in their texts."""
    # Ranges of the primary key.
    await tx.execute(
        f"delete from signals t using {_KEYS} where t.shop = w.shop and t.customer = w.customer", **_KEYS.of(customers)
    )

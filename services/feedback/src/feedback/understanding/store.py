"""Readings of texts, and the shops' models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction
from common.work.set_aside import Task
from feedback.understanding import store_days
from feedback.understanding.state import READABLE, READING_JOB, Reading, Said, Source

_SAID = Columns(
    "n",
    shop="text",
    customer="text",
    source="text",
    name="text",
    part="text",
    at="timestamptz",
    stars="smallint",
    sku="text",
)
_READ = Columns(
    "n",
    shop="text",
    customer="text",
    source="text",
    name="text",
    part="text",
    reader="text",
    sentiment="smallint",
    liked="text",
    mentioned="text",
    disliked="text",
    signals="text",
    expectation="smallint",
)
_CUSTOMERS = Columns("w", shop="text", customer="text")


@dataclass(frozen=True, slots=True)
class ToRead:
    """A text that is to be read, as it is stored: encrypted; None where it is gone."""

    customer: CustomerKey
    source: Source
    name: str
    part: str
    at: datetime
    text: str | None


@dataclass(frozen=True, slots=True)
class Trained:
    """A model that was trained, and how it did on the texts held out beside the rules."""

    number: int
    trained_at: datetime
    texts: int
    held_out: int
    right_of_model: int
    right_of_rules: int
    in_use: bool


async def note(tx: Transaction, texts: Iterable[Said]) -> None:
    """These are to be read. Idempotent; the customers are locked."""
    rows = [(t.shop, t.customer, t.source, t.name, t.part, t.at, t.stars, t.sku) for t in texts]
    if rows:
        await tx.execute(
            f"""
            insert into readings (shop, customer, source, name, part, at, stars, sku) select * from {_SAID}
            on conflict do nothing
            """,
            **_SAID.of(rows),
        )


async def lock_due(tx: Transaction, now: datetime, limit: int) -> list[Task] | None:
    """Customers with texts to be read, locked; those that another process holds come later."""
    rows = await tx.fetch(
        f"""
        select c.shop, c.customer from customers c
        where (c.shop, c.customer) in (
            select r.shop, r.customer from readings r join customer_keys k using (shop, customer)
            where {READABLE} limit :limit
        )
        for update skip locked
        """,
        limit=limit,
        job=READING_JOB,
    )
    return [Task(row.shop, row.customer) for row in rows] or None


async def count_due(tx: Transaction) -> int:
    query = f"select count(*) from readings r join customer_keys k using (shop, customer) where {READABLE}"
    return int(await tx.value(query, job=READING_JOB))


async def get_due(tx: Transaction, customers: Sequence[CustomerKey]) -> list[ToRead]:
    """The texts of these customers that are to be read."""
    rows = await tx.fetch(
        f"""
        select n.shop, n.customer, n.source, n.name, n.part, n.at,
               case n.source when 'review' then r.text when 'answer' then a.text else t.body ->> 'text' end as text
        from {_CUSTOMERS}
        join readings n on n.shop = w.shop and n.customer = w.customer and n.reader is null
        left join reviews r on n.source = 'review'
             and (r.shop, r.customer, r.review_id) = (n.shop, n.customer, n.name)
        left join survey_answers a on n.source = 'answer'
             and (a.shop, a.customer, a.survey_id, a.question) = (n.shop, n.customer, n.name, n.part)
        left join tickets t on n.source = 'ticket'
             and (t.shop, t.customer, t.ticket_id) = (n.shop, n.customer, n.name)
        order by n.shop, n.customer, n.source, n.name, n.part
        """,
        **_CUSTOMERS.of(customers),
    )
    return [ToRead((r.shop, r.customer), r.source, r.name, r.part, r.at, r.text) for r in rows]


async def save_read(tx: Transaction, found: Sequence[tuple[ToRead, str, Reading]]) -> None:
    """What reading each text found, and by what it was read."""
    rows = [
        (
            *t.customer,
            t.source,
            t.name,
            t.part,
            reader,
            reading.sentiment,
            *(" ".join(reading.of(how)) for how in (1, 0, -1)),
            " ".join(reading.signals),
            reading.expectation,
        )
        for t, reader, reading in found
    ]
    await tx.execute(
        f"""
        update readings r set
            reader = n.reader, sentiment = n.sentiment, liked = string_to_array(n.liked, ' '),
            mentioned = string_to_array(n.mentioned, ' '), disliked = string_to_array(n.disliked, ' '),
            signals = string_to_array(n.signals, ' '), expectation = n.expectation
        from {_READ}
        where (r.shop, r.customer, r.source, r.name, r.part) = (n.shop, n.customer, n.source, n.name, n.part)
        """,
        **_READ.of(rows),
    )
    await store_days.mark(tx, {(t.customer[0], t.at.astimezone(UTC).date()) for t, _, _ in found})


async def read_again(tx: Transaction, shop: str, since: datetime) -> None:
    """The shop's texts from `since` on are read again."""
    rows = await tx.fetch(
        """
        with again as (
            update readings set reader = null where shop = :shop and at >= :since and reader is not null returning at
        )
        select distinct cast(at at time zone 'UTC' as date) as day from again
        """,
        shop=shop,
        since=since,
    )
    await store_days.mark(tx, [(shop, row.day) for row in rows])


async def erase(tx: Transaction, customers: Iterable[CustomerKey]) -> None:
    """Forget what erased customers' texts said, with the texts (SEC-006)."""
    rows = await tx.fetch(
        f"""
        with gone as (
            delete from readings r using {_CUSTOMERS} where r.shop = w.shop and r.customer = w.customer
            returning r.shop, r.at
        )
        select distinct shop, cast(at at time zone 'UTC' as date) as day from gone
        """,
        **_CUSTOMERS.of(customers),
    )
    await store_days.mark(tx, [(row.shop, row.day) for row in rows])


async def list_names_of(tx: Transaction, customers: Iterable[CustomerKey]) -> Sequence[Row[Any]]:
    """(shop, customer, source, name, part) of all that is read, or to be read, of these customers."""
    return await tx.fetch(
        f"""
        select r.shop, r.customer, r.source, r.name, r.part
        from {_CUSTOMERS} join readings r on r.shop = w.shop and r.customer = w.customer
        """,
        **_CUSTOMERS.of(customers),
    )


async def list_starred(tx: Transaction, shop: str, limit: int) -> Sequence[Row[Any]]:
    """(customer, text, stars) of the shop's newest reviews that have a text and stars which take sides, encrypted."""
    return await tx.fetch(
        """
        select v.customer, v.text, r.stars
        from (
            select customer, name, stars from readings
            where shop = :shop and source = 'review' and reader is not null and stars <> 3
            order by at desc, customer, name limit :limit
        ) r
        join reviews v on v.shop = :shop and v.customer = r.customer and v.review_id = r.name
        where v.text is not null
        """,
        shop=shop,
        limit=limit,
    )


async def save_model(tx: Transaction, shop: str, trained: Trained, model: bytes | None) -> bool:
    """False where another training took that number meanwhile."""
    done = await tx.execute(
        """
        insert into sentiment_models (shop, number, trained_at, texts, held_out, right_of_model, right_of_rules,
                                      in_use, model)
        values (:shop, :number, :trained_at, :texts, :held_out, :right_of_model, :right_of_rules, :in_use, :model)
        on conflict do nothing
        """,
        shop=shop,
        model=model,
        **{name: getattr(trained, name) for name in Trained.__slots__},
    )
    return done == 1


async def list_models(tx: Transaction, shop: str) -> list[Trained]:
    """The newest first."""
    columns = ", ".join(Trained.__slots__)
    rows = await tx.fetch(
        f"select {columns} from sentiment_models where shop = :shop order by number desc limit 100", shop=shop
    )
    return [Trained(**row._mapping) for row in rows]


async def get_numbers(tx: Transaction, shops: Iterable[str]) -> dict[str, int]:
    """The number of each shop's model that reads; a shop without one is not in it."""
    rows = await tx.fetch(
        "select shop, max(number) as number from sentiment_models where in_use and shop = any(:shops) group by shop",
        shops=sorted(set(shops)),
    )
    return {row.shop: row.number for row in rows}


async def get_model(tx: Transaction, shop: str, number: int) -> bytes:
    """A model that is in use, as it is packed."""
    query = "select model from sentiment_models where shop = :shop and number = :number"
    return bytes(await tx.value(query, shop=shop, number=number))


async def count_texts(tx: Transaction, shop: str, since: datetime, until: datetime, sku: str) -> Row[Any]:
    """All texts of the time about one product, by sentiment and expectation."""
    row = await tx.fetch_one(
        """
        select count(*) as texts, count(*) filter (where sentiment = 1) as positive,
               count(*) filter (where sentiment = -1) as negative,
               count(*) filter (where expectation = 1) as surpassed,
               count(*) filter (where expectation = -1) as disappointed
        from readings
        where shop = :shop and sku = :sku and at >= :since and at < :until and reader is not null
        """,
        shop=shop,
        since=since,
        until=until,
        sku=sku,
    )
    assert row is not None
    return row


async def list_saying(
    tx: Transaction, shop: str, topic: str, since: datetime, until: datetime, limit: int
) -> Sequence[Row[Any]]:
    """The newest texts that speak ill of a topic: customer, source, name, part, at, stars."""
    return await tx.fetch(
        """
        select customer, source, name, part, at, stars from readings
        where shop = :shop and at >= :since and at < :until and reader is not null and disliked @> array[:topic]
        order by at desc, customer, source, name, part limit :limit
        """,
        shop=shop,
        topic=topic,
        since=since,
        until=until,
        limit=limit,
    )

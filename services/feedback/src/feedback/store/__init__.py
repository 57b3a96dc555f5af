"""Which questions, surveys and reviews are there? What the service reads and writes at work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.db import CustomerKey, Transaction
from common.events import Event
from common.events.feedback import ReviewSubmitted, SurveyAnswered, SurveyRequested
from feedback.domain.surveys import CompletedOrder, Survey

_SURVEY = "shop, customer, survey_id, kind, order_id, cause_at, answered_at, stars, text"
_REVIEW = "shop, customer, review_id, order_id, sku, stars, text, source, submitted_at"


def _survey(row: Row[Any]) -> Survey:
    return Survey(**row._mapping)


async def insert_completed_orders(tx: Transaction, orders: Sequence[CompletedOrder]) -> None:
    """Keep every telling: what the questions are folded from. Idempotent."""
    await tx.execute(
        """
        insert into completed_orders (shop, customer, cause, order_id, completed_at, correlation_id)
        select * from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:causes as text[]),
                             cast(:order_ids as text[]), cast(:completed as timestamptz[]),
                             cast(:correlations as text[]))
        on conflict do nothing
        """,
        shops=[o.shop for o in orders],
        customers=[o.customer for o in orders],
        causes=[o.cause for o in orders],
        order_ids=[o.order_id for o in orders],
        completed=[o.completed_at for o in orders],
        correlations=[o.correlation_id for o in orders],
    )


async def save_first_orders(tx: Transaction, orders: Sequence[CompletedOrder]) -> None:
    """Keep each customer's earliest order; at most one per customer, customers locked. Idempotent, commutative."""
    # An earlier order takes the later one's place; who was asked already, or is erased, is not asked (again).
    await tx.execute(
        """
        insert into usage_questions as q (shop, customer, order_id, completed_at, cause, correlation_id, due_at)
        select shop, customer, o.order_id, o.completed_at, o.cause, o.correlation_id,
               case when k.erased_at is null then o.due_at end
        from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:order_ids as text[]),
                    cast(:completed as timestamptz[]), cast(:causes as text[]), cast(:correlations as text[]),
                    cast(:dues as timestamptz[]))
             as o(shop, customer, order_id, completed_at, cause, correlation_id, due_at)
        left join customer_keys k using (shop, customer)
        on conflict (shop, customer) do update
        set order_id = excluded.order_id, completed_at = excluded.completed_at, cause = excluded.cause,
            correlation_id = excluded.correlation_id,
            due_at = case when q.survey_id is null then excluded.due_at end
        where (excluded.completed_at, excluded.order_id collate "C", excluded.cause collate "C")
            < (q.completed_at, q.order_id collate "C", q.cause collate "C")
        """,
        shops=[o.shop for o in orders],
        customers=[o.customer for o in orders],
        order_ids=[o.order_id for o in orders],
        completed=[o.completed_at for o in orders],
        causes=[o.cause for o in orders],
        correlations=[o.correlation_id for o in orders],
        dues=[o.due_at for o in orders],
    )


async def lock_due_questions(tx: Transaction, now: datetime, limit: int) -> list[CompletedOrder]:
    """One bite: questions due up to `now`, soonest due first, of customers whom nobody else holds."""
    # A customer somebody else is writing is left for the next bite.
    rows = await tx.fetch(
        """
        select q.shop, q.customer, q.order_id, q.completed_at, q.cause, q.correlation_id, q.due_at
        from usage_questions q join customers c on c.shop = q.shop and c.customer = q.customer
        where q.due_at <= :now
        order by q.due_at, q.shop collate "C", q.customer collate "C"
        limit :limit
        for update of c skip locked
        """,
        now=now,
        limit=limit,
    )
    locked = {(r.shop, r.customer) for r in rows}
    # Read again under the lock: an earlier order may have moved the due date while we waited for our turn.
    rows = await tx.fetch(
        """
        select q.shop, q.customer, q.order_id, q.completed_at, q.cause, q.correlation_id, q.due_at
        from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
        join usage_questions q on q.shop = w.shop and q.customer = w.customer
        where q.due_at <= :now
        order by q.due_at, q.shop collate "C", q.customer collate "C"
        """,
        shops=[k[0] for k in sorted(locked)],
        customers=[k[1] for k in sorted(locked)],
        now=now,
    )
    return [CompletedOrder(**r._mapping) for r in rows]


async def count_due_questions(tx: Transaction, now: datetime) -> int:
    return int(await tx.value("select count(*) from usage_questions where due_at <= :now", now=now))


async def save_requested(tx: Transaction, requests: Sequence[Event[SurveyRequested]]) -> None:
    """Record what was asked. Idempotent; completes a survey of which only the answer was known."""
    rows = [(e.customer, e.data) for e in requests]
    # The promise: `cause_at` says that the question went out. A customer asked before is not asked a second time.
    await tx.execute(
        """
        insert into surveys as s (shop, customer, survey_id, kind, order_id, cause_at)
        select * from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:ids as text[]),
                             cast(:kinds as text[]), cast(:orders as text[]), cast(:causes as timestamptz[]))
        on conflict (shop, customer, survey_id) do update set cause_at = excluded.cause_at where s.cause_at is null
        """,
        shops=[key[0] for key, _ in rows],
        customers=[key[1] for key, _ in rows],
        ids=[d.survey_id for _, d in rows],
        kinds=[d.kind for _, d in rows],
        orders=[d.order_id for _, d in rows],
        causes=[d.cause_at for _, d in rows],
    )
    last = {key: d for key, d in rows}  # one row a customer: two of one customer in a statement would be refused
    # Asked: nothing falls due any more. Where the order itself is not known yet (topics read out of order), the
    # question stands for it until the order, which is older, comes.
    await tx.execute(
        """
        insert into usage_questions as q (shop, customer, order_id, completed_at, cause, survey_id)
        select * from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:orders as text[]),
                             cast(:completed as timestamptz[]), cast(:ids as text[]), cast(:ids as text[]))
        on conflict (shop, customer) do update set due_at = null, survey_id = excluded.survey_id
        """,
        shops=[key[0] for key in last],
        customers=[key[1] for key in last],
        ids=[d.survey_id for d in last.values()],
        orders=[d.order_id for d in last.values()],
        completed=[d.cause_at for d in last.values()],
    )


async def save_answer(tx: Transaction, event: Event[SurveyAnswered]) -> None:
    """Store an answer, its text encrypted; the first one stands. The customer is locked."""
    # The survey's own row is missing only where topics are read out of order.
    await tx.execute(
        """
        insert into surveys as s (shop, customer, survey_id, kind, order_id, answered_at, stars, text)
        values (:shop, :customer, :survey_id, 'usage', :order_id, :at, :stars, :text)
        on conflict (shop, customer, survey_id) do update
        set answered_at = excluded.answered_at, stars = excluded.stars, text = excluded.text
        where s.answered_at is null
        """,
        shop=event.shop,
        customer=event.subject,
        survey_id=event.data.survey_id,
        order_id=event.data.order_id,
        at=event.time,
        stars=event.data.stars,
        text=event.data.text,
    )


async def get_survey(tx: Transaction, shop: str, survey_id: str) -> Survey | None:
    row = await tx.fetch_one(
        f"select {_SURVEY} from surveys where shop = :shop and survey_id = :id", shop=shop, id=survey_id
    )
    return _survey(row) if row else None


async def list_surveys(
    tx: Transaction, shop: str, *, customer: str | None, order_id: str | None, after: str, limit: int
) -> list[Survey]:
    """A shop's surveys by id, from the one after `after` on."""
    rows = await tx.fetch(
        f"""
        select {_SURVEY} from surveys
        where shop = :shop and survey_id > :after
          and (cast(:customer as text) is null or customer = :customer)
          and (cast(:order_id as text) is null or order_id = :order_id)
        order by survey_id limit :limit
        """,
        shop=shop,
        customer=customer,
        order_id=order_id,
        after=after,
        limit=limit,
    )
    return [_survey(row) for row in rows]


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


async def report(tx: Transaction, shop: str) -> Row[Any]:
    """One row of counts: questions waiting, surveys requested and answered, sums of stars, reviews."""
    row = await tx.fetch_one(
        """
        select
            (select count(*) from usage_questions where shop = :shop and due_at is not null) as waiting,
            (select count(*) from surveys where shop = :shop and cause_at is not null) as requested,
            (select count(*) from surveys where shop = :shop and answered_at is not null) as answered,
            (select count(*) from reviews where shop = :shop) as reviews
        """,
        shop=shop,
    )
    assert row is not None  # a select without a from has one row
    return row


async def count_stars(tx: Transaction, shop: str) -> Sequence[Row[Any]]:
    """(kind, stars, count) of answers and reviews."""
    return await tx.fetch(
        """
        select 'surveys' as kind, stars, count(*) as n
        from surveys where shop = :shop and stars is not null group by stars
        union all
        select 'reviews', stars, count(*) from reviews where shop = :shop and stars is not null group by stars
        order by kind, stars
        """,
        shop=shop,
    )


async def erase(tx: Transaction, customers: Iterable[CustomerKey]) -> None:
    """Forget what erased customers wrote, and ask them nothing; what remains names only their id."""
    keys = sorted(set(customers))
    shops, names = [k[0] for k in keys], [k[1] for k in keys]
    for table in ("reviews", "surveys"):
        # The ciphertext is worthless without its key; it goes all the same.
        await tx.execute(
            f"""
            update {table} t set text = null
            from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
            where t.shop = w.shop and t.customer = w.customer and t.text is not null
            """,
            shops=shops,
            customers=names,
        )
    # An erased customer cannot be reached: the question lapses.
    await tx.execute(
        """
        update usage_questions q set due_at = null
        from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
        where q.shop = w.shop and q.customer = w.customer
        """,
        shops=shops,
        customers=names,
    )

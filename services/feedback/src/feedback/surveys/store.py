"""Surveys that were asked, and their answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from common.events import Event
from common.events.feedback import SurveyAnswered, SurveyRequested
from common.storage.database import Transaction
from feedback.surveys.rules import Survey

_SURVEY = "shop, customer, survey_id, kind, order_id, cause_at, answered_at, stars, text"


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
    # Asked: nothing falls due any more. Where the order itself is not known yet (topics read out of order), its columns
    # stay empty until it comes.
    await tx.execute(
        """
        insert into usage_questions as q (shop, customer, survey_id)
        select * from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:ids as text[]))
        on conflict (shop, customer) do update set due_at = null, survey_id = excluded.survey_id
        """,
        shops=[key[0] for key in last],
        customers=[key[1] for key in last],
        ids=[d.survey_id for d in last.values()],
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


def _survey(row: Row[Any]) -> Survey:
    return Survey(**row._mapping)

"""Surveys that were asked, and their answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey, Event
from common.events.feedback import QuestionAnswer, SurveyAnswered, SurveyRequested
from common.people.store import get_people
from common.storage.columns import Columns
from common.storage.database import Transaction
from feedback.surveys.state import Survey

_ABOUT = ("kind", "form_id", "form_version", "order_id", "ticket_id", "agent")
"""Columns, and fields of both events, that say what a survey is."""
_SURVEY = ", ".join(f"s.{name}" for name in ("shop", "customer", "survey_id", *_ABOUT, "cause_at", "answered_at"))
_REQUESTED = Columns(
    "r",
    shop="text",
    customer="text",
    survey_id="text",
    kind="text",
    form_id="text",
    form_version="integer",
    order_id="text",
    ticket_id="text",
    agent="text",
    cause_at="timestamptz",
)
_CUSTOMERS = Columns("w", shop="text", customer="text")
_SURVEYS = Columns("w", shop="text", customer="text", survey_id="text")


async def save_requested(tx: Transaction, requests: Sequence[Event[SurveyRequested]]) -> None:
    """Record what was asked. Idempotent; completes a survey of which only the answers were known."""
    # The promise: `cause_at` says that the question went out.
    await tx.execute(
        f"""
        insert into surveys as s (shop, customer, survey_id, {", ".join(_ABOUT)}, cause_at) select * from {_REQUESTED}
        on conflict (shop, customer, survey_id) do update set cause_at = excluded.cause_at where s.cause_at is null
        """,
        **_REQUESTED.of(
            (*e.customer, e.data.survey_id, *(getattr(e.data, name) for name in _ABOUT), e.data.cause_at)
            for e in requests
        ),
    )


async def save_answers(tx: Transaction, event: Event[SurveyAnswered]) -> None:
    """Store the answers, their texts encrypted; the first ones stand. The customer is locked."""
    data, key = event.data, (*event.customer, event.data.survey_id)
    # The survey's own row is missing only where topics are read out of order.
    first = await tx.execute(
        f"""
        insert into surveys as s (shop, customer, survey_id, {", ".join(_ABOUT)}, answered_at)
        values (:shop, :customer, :survey_id, {", ".join(f":{name}" for name in _ABOUT)}, :at)
        on conflict (shop, customer, survey_id) do update set answered_at = excluded.answered_at
        where s.answered_at is null
        """,
        shop=event.shop,
        customer=event.subject,
        survey_id=data.survey_id,
        at=event.time,
        **{name: getattr(data, name) for name in _ABOUT},
    )
    if first:
        await tx.copy(
            "survey_answers",
            ("shop", "customer", "survey_id", "place", "question", "score", "choices", "text"),
            [(*key, n, a.question, a.score, list(a.choices), a.text) for n, a in enumerate(data.answers)],
        )


async def get_survey(tx: Transaction, shop: str, survey_id: str) -> Survey | None:
    """A survey with its answers as stored: texts encrypted."""
    query = f"select {_SURVEY} from surveys s where shop = :shop and survey_id = :id"
    found = await _with_answers(tx, await tx.fetch(query, shop=shop, id=survey_id))
    return found[0] if found else None


async def get_asked(tx: Transaction, shop: str, customers: Iterable[str], survey_ids: Iterable[str]) -> list[Survey]:
    """Those of these surveys, one of each customer, that were asked; without answers."""
    rows = await tx.fetch(
        f"""
        select {_SURVEY} from {_SURVEYS} join surveys s
          on s.shop = w.shop and s.customer = w.customer and s.survey_id = w.survey_id
        """,
        **_SURVEYS.of((shop, *key) for key in zip(customers, survey_ids, strict=True)),
    )
    return [Survey(**row._mapping) for row in rows]


async def list_unanswered(
    tx: Transaction, people: Iterable[CustomerKey], since: datetime, until: datetime
) -> list[Survey]:
    """Surveys that one person was asked from `since` to `until` (inclusive) and has not answered, the newest first."""
    # A customer has a handful of surveys, found by the primary key.
    rows = await tx.fetch(
        f"""
        select {_SURVEY} from {_CUSTOMERS} join surveys s on s.shop = w.shop and s.customer = w.customer
        where s.answered_at is null and s.cause_at >= :since and s.cause_at <= :until
        order by s.cause_at desc, s.survey_id
        """,
        since=since,
        until=until,
        **_CUSTOMERS.of(people),
    )
    return [Survey(**row._mapping) for row in rows]


async def last_asked(tx: Transaction, customers: Iterable[CustomerKey]) -> dict[CustomerKey, datetime]:
    """When each of these customers was asked anything last, under any identifier of the person; those who never were
    are left out."""
    people = await get_people(tx, wanted := sorted(set(customers)))
    # A customer has a handful of surveys, found by the primary key.
    rows = await tx.fetch(
        f"""
        select s.shop, s.customer, max(s.cause_at) as at
        from {_CUSTOMERS} join surveys s on s.shop = w.shop and s.customer = w.customer
        where s.cause_at is not null group by 1, 2
        """,
        **_CUSTOMERS.of(sorted({one for of in people.values() for one in of})),
    )
    asked = {(row.shop, row.customer): row.at for row in rows}
    latest = {key: max((asked[one] for one in people[key] if one in asked), default=None) for key in wanted}
    return {key: at for key, at in latest.items() if at is not None}


async def list_surveys(
    tx: Transaction,
    shop: str,
    *,
    people: Sequence[str] | None,
    order_id: str | None,
    form_id: str | None,
    after: str,
    limit: int,
) -> list[Survey]:
    """A shop's surveys by id, from the one after `after` on; `people`: of these customers alone."""
    rows = await tx.fetch(
        f"""
        select {_SURVEY} from surveys s
        where shop = :shop and survey_id > :after
          and (cast(:people as text[]) is null or customer = any(cast(:people as text[])))
          and (cast(:order_id as text) is null or order_id = :order_id)
          and (cast(:form_id as text) is null or form_id = :form_id)
        order by survey_id limit :limit
        """,
        shop=shop,
        people=people,
        order_id=order_id,
        form_id=form_id,
        after=after,
        limit=limit,
    )
    return await _with_answers(tx, rows)


async def list_surveys_of(tx: Transaction, customers: Iterable[CustomerKey]) -> list[Survey]:
    """All surveys of these customers."""
    rows = await tx.fetch(
        f"select {_SURVEY} from {_CUSTOMERS} join surveys s on s.shop = w.shop and s.customer = w.customer",
        **_CUSTOMERS.of(customers),
    )
    return await _with_answers(tx, rows)


async def erase(tx: Transaction, customers: Iterable[CustomerKey]) -> None:
    """Forget what erased customers wrote (SEC-006); scores and choices name only their id."""
    # The ciphertext is worthless without its key; it goes all the same.
    await tx.execute(
        f"""
        update survey_answers a set text = null from {_CUSTOMERS}
        where a.shop = w.shop and a.customer = w.customer and a.text is not null
        """,
        **_CUSTOMERS.of(customers),
    )


async def _with_answers(tx: Transaction, rows: Sequence[Row[Any]]) -> list[Survey]:
    """The surveys of these rows, in their order."""
    found: dict[tuple[str, str, str], list[QuestionAnswer]] = {(r.shop, r.customer, r.survey_id): [] for r in rows}
    # By primary key.
    answers = await tx.fetch(
        f"""
        select a.shop, a.customer, a.survey_id, a.question, a.score, a.choices, a.text
        from {_SURVEYS} join survey_answers a
             on a.shop = w.shop and a.customer = w.customer and a.survey_id = w.survey_id
        order by a.place
        """,
        **_SURVEYS.of(found),
    )
    for row in answers:
        found[row.shop, row.customer, row.survey_id].append(
            QuestionAnswer(question=row.question, score=row.score, choices=tuple(row.choices), text=row.text)
        )
    return [Survey(**r._mapping, answers=tuple(found[r.shop, r.customer, r.survey_id])) for r in rows]

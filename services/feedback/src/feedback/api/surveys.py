"""A shop's surveys: what was asked, and what was answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import Query, Request
from pydantic import BaseModel, Field

from common.crypto.keys import KeyRing
from common.events import CustomerKey
from common.events.fields import Cursor, Identifier, ShopName
from common.http.api import Router, Tx, require
from feedback.commands.sealing import opener
from feedback.report import store as reports
from feedback.surveys import store as surveys
from feedback.surveys.rules import STARS, TEXT
from feedback.surveys.state import Survey

router = Router(tags=["surveys"])


class AnswerOut(BaseModel):
    """The answer to one question; `text` is null where there is none, or where its customer was erased."""

    question: str
    score: int | None
    choices: list[str]
    text: str | None


class SurveyOut(BaseModel):
    """`asked_at` is when it fell due; `answers` is empty until answered.

    `stars` and `text` are the answers to the questions of these names, which a usage survey has.
    """

    survey_id: str
    customer: str
    kind: str
    order_id: str | None
    asked_at: datetime | None
    answered_at: datetime | None
    answers: list[AnswerOut]
    stars: int | None
    text: str | None


class SurveyPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[SurveyOut]
    after: str | None


class Stars(BaseModel):
    """How many gave each number of stars; `hundredths` is the mean times 100, rounded half up, null without any."""

    count: int
    by_stars: dict[int, int] = Field(description="1 to 5")
    hundredths: int | None


class Report(BaseModel):
    questions_waiting: int
    surveys_requested: int
    surveys_answered: int
    reviews: int
    survey_stars: Stars
    review_stars: Stars


@router.get("/v1/shops/{shop}/surveys", dependencies=[require("feedback:read")])
async def list_surveys(
    shop: ShopName,
    request: Request,
    tx: Tx,
    customer: Identifier | None = None,
    order_id: Identifier | None = None,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> SurveyPage:
    """Surveys in order of id, of one customer or order if asked; an answer stands with its order (FBK-007)."""
    found = await surveys.list_surveys(tx, shop, customer=customer, order_id=order_id, after=after, limit=limit)
    keys: KeyRing = request.app.state.runtime.keys
    readable = await opener(tx, keys, [(s.shop, s.customer) for s in found])
    items = [_out(survey, readable) for survey in found]
    return SurveyPage(items=items, after=found[-1].survey_id if len(found) == limit else None)


@router.get("/v1/shops/{shop}/report", dependencies=[require("feedback:read")])
async def report(shop: ShopName, tx: Tx) -> Report:
    """Counts of questions, answers and reviews of the shop, now."""
    counts = await reports.get_report(tx, shop)
    stars: dict[str, dict[int, int]] = {"surveys": {}, "reviews": {}}
    for row in await reports.count_stars(tx, shop):
        stars[row.kind][row.stars] = row.n
    return Report(
        questions_waiting=counts.waiting,
        surveys_requested=counts.requested,
        surveys_answered=counts.answered,
        reviews=counts.reviews,
        survey_stars=_stars(stars["surveys"]),
        review_stars=_stars(stars["reviews"]),
    )


def _out(survey: Survey, readable: Callable[[CustomerKey, str, str | None], str | None]) -> SurveyOut:
    customer = survey.shop, survey.customer
    answers = {
        a.question: AnswerOut(
            question=a.question,
            score=a.score,
            choices=list(a.choices),
            text=readable(customer, "answers.text", a.text),
        )
        for a in survey.answers
    }
    return SurveyOut(
        survey_id=survey.survey_id,
        customer=survey.customer,
        kind=survey.kind,
        order_id=survey.order_id,
        asked_at=survey.cause_at,
        answered_at=survey.answered_at,
        answers=list(answers.values()),
        stars=answers[STARS].score if STARS in answers else None,
        text=answers[TEXT].text if TEXT in answers else None,
    )


def _stars(found: dict[int, int]) -> Stars:
    count = sum(found.values())
    total = sum(stars * n for stars, n in found.items())
    mean = (200 * total + count) // (2 * count) if count else None
    return Stars(count=count, by_stars={stars: found.get(stars, 0) for stars in range(1, 6)}, hundredths=mean)

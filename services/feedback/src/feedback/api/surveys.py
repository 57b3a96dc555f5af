"""A shop's surveys: what was asked, and what was answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from common.events.fields import Cursor, Identifier, ShopName
from common.http.api import Tx, require
from feedback.api.reviews import readable
from feedback.report import store as reports
from feedback.surveys import store as surveys

router = APIRouter(tags=["surveys"])


class SurveyOut(BaseModel):
    """`asked_at` is when it fell due; `stars` and `text` are null until answered."""

    survey_id: str
    customer: str
    kind: str
    order_id: str
    asked_at: datetime | None
    answered_at: datetime | None
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
    texts = await readable(request, tx, [(s.shop, s.customer, s.text) for s in found])
    items = [
        SurveyOut(
            survey_id=s.survey_id, customer=s.customer, kind=s.kind, order_id=s.order_id, asked_at=s.cause_at,
            answered_at=s.answered_at, stars=s.stars, text=text,
        )
        for s, text in zip(found, texts, strict=True)
    ]  # fmt: skip
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


def _stars(found: dict[int, int]) -> Stars:
    count = sum(found.values())
    total = sum(stars * n for stars, n in found.items())
    mean = (200 * total + count) // (2 * count) if count else None
    return Stars(count=count, by_stars={stars: found.get(stars, 0) for stars in range(1, 6)}, hundredths=mean)

"""A shop's surveys: what was asked, and what was answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from common.crypto.keys import KeyRing
from common.events import CustomerKey
from common.events.feedback import MOST_ANSWERS, MOST_CHOICES, QuestionAnswer, Score
from common.events.fields import MAX_PERSONAL, Cursor, Identifier, ShopName, Text
from common.http.api import Body, Router, Tx, require
from common.http.people import identifiers_of
from common.refusals import NotFound, NotNow
from feedback.commands.answers import accept_answers
from feedback.commands.sealing import opener
from feedback.commands.surveys import Outcome, ask_customers
from feedback.forms.built_in import STARS, TEXT
from feedback.forms.rules import check_answers
from feedback.policy.state import form_of
from feedback.policy.store import get_versions
from feedback.report import store as reports
from feedback.surveys import store as surveys
from feedback.surveys.links import AnswerLinks
from feedback.surveys.rules import About
from feedback.surveys.state import Survey

router = Router(tags=["surveys"])
MOST_CUSTOMERS = 200


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
    form_id: str
    form_version: int
    order_id: str | None
    ticket_id: str | None
    agent: str | None
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


class AskIn(Body):
    """Ask customers the questions of a form; `request_id` is the caller's own and makes a repetition harmless.

    `order_id`, `ticket_id`, `agent`: what the survey is about, the same for each of the customers.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"request_id": "nps-2025-q1", "form_id": "nps", "customers": ["ann", "bob"]}]}
    )
    request_id: Identifier
    form_id: Identifier
    customers: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=MOST_CUSTOMERS)]
    order_id: Identifier | None = None
    ticket_id: Identifier | None = None
    agent: Text | None = None


class AskedOut(BaseModel):
    """`asked`; `duplicate`: by this request before; `resting`: asked something of late, and may be again from
    `resting_until` on; `unknown`: neither the customer nor an order has come here; `erased`.

    `answer_url` is the page where the customer answers, whoever hands it over.
    """

    customer: str
    outcome: Outcome
    survey_id: str | None
    answer_url: str | None
    resting_until: datetime | None


class AskedPage(BaseModel):
    items: list[AskedOut]


class AnswerIn(Body):
    """The answer to one question, by what it asks for: a score, choices by their ids, or a text."""

    question: Identifier
    score: Score | None = None
    choices: Annotated[tuple[Identifier, ...], Field(max_length=MOST_CHOICES)] = ()
    text: Annotated[str | None, Field(max_length=MAX_PERSONAL)] = None


class AnswersIn(Body):
    """Answers that came by telephone, chat or reply."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"answers": [{"question": "recommend", "score": 9}]}]},
    )
    answers: Annotated[tuple[AnswerIn, ...], Field(min_length=1, max_length=MOST_ANSWERS)]


class UnknownSurvey(NotFound):
    """The shop has no survey of that id."""

    def __init__(self, survey_id: str) -> None:
        super().__init__("unknown_survey", f"There is no survey {survey_id!r}; GET …/surveys lists them.")


class FormNotHere(NotNow):
    """The version of the policy that holds the survey's form has not been read yet."""

    def __init__(self) -> None:
        super().__init__("form_not_here", "The survey's form has not been read back yet: send this again in a minute.")


@router.post("/v1/shops/{shop}/surveys", dependencies=[require("feedback:write")])
async def post_surveys(shop: ShopName, body: AskIn, request: Request, tx: Tx) -> AskedPage:
    """Ask customers now; messaging sends, by its rules. Who was asked anything of late is left alone (FBK-015)."""
    runtime = request.app.state.runtime
    links = AnswerLinks(runtime.master, runtime.settings.public_url)
    about = About(body.order_id, body.ticket_id, body.agent)
    found = await ask_customers(tx, links, shop, body.request_id, body.form_id, body.customers, about)
    return AskedPage(items=[AskedOut(**asdict(one)) for one in found])


@router.post("/v1/shops/{shop}/surveys/{survey_id}/answers", status_code=201, dependencies=[require("feedback:write")])
async def post_answers(
    shop: ShopName, survey_id: Identifier, body: AnswersIn, request: Request, response: Response, tx: Tx
) -> SurveyOut:
    """Take the answers that a customer gave to a person (FBK-006); 200 when the very same were given before."""
    survey = await surveys.get_survey(tx, shop, survey_id)
    if survey is None:
        raise UnknownSurvey(survey_id)
    form = form_of((await get_versions(tx, [shop]))[shop], survey.form_id, survey.form_version)
    if form is None:
        raise FormNotHere
    answers = check_answers(form, [QuestionAnswer(**answer.model_dump()) for answer in body.answers])
    keys: KeyRing = request.app.state.runtime.keys
    response.status_code = 201 if await accept_answers(tx, keys, survey, answers) else 200
    stored = await surveys.get_survey(tx, shop, survey_id)
    return _out(stored or survey, await opener(tx, keys, [(shop, survey.customer)]))


@router.get("/v1/shops/{shop}/surveys", dependencies=[require("feedback:read")])
async def list_surveys(
    shop: ShopName,
    request: Request,
    tx: Tx,
    customer: Identifier | None = None,
    order_id: Identifier | None = None,
    form_id: Identifier | None = None,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> SurveyPage:
    """Surveys in order of id, of one customer or order if asked; an answer stands with its order (FBK-007)."""
    people = await identifiers_of(tx, shop, customer) or None
    found = await surveys.list_surveys(
        tx, shop, people=people, order_id=order_id, form_id=form_id, after=after, limit=limit
    )
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
        form_id=survey.form_id,
        form_version=survey.form_version,
        order_id=survey.order_id,
        ticket_id=survey.ticket_id,
        agent=survey.agent,
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

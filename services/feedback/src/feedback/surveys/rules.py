"""The usage question as it is asked, and its answers (FBK-007)."""

from __future__ import annotations

from datetime import datetime

from common.events import Event, fact_id
from common.events.feedback import QuestionAnswer, SurveyAnswered, SurveyRequested
from common.refusals import Invalid
from feedback.orders.rules import CompletedOrder
from feedback.surveys.state import Survey

STARS, TEXT = "stars", "text"
"""The two questions of the usage survey: one to five stars, and a text that may be left out."""
MOST_CHARACTERS = 2_000
"""Of a text that a customer writes, counted by code point."""


class AnswerUnfit(Invalid):
    """What the customer sent cannot be taken: stars_missing, stars_invalid, text_too_long, text_invalid."""


def survey_id_of(order: CompletedOrder) -> str:
    """Derived from kind and due time, so that a replay asks the same survey and signs the same link."""
    return fact_id(f"usage@{_due(order).isoformat()}", SurveyRequested.TYPE, order.shop, order.customer, 0)


def ask(order: CompletedOrder, answer_url: str) -> Event[SurveyRequested]:
    """The usage question about that order, dated when it fell due however late it is asked (FBK-007)."""
    survey_id, due = survey_id_of(order), _due(order)
    return Event(
        id=survey_id,
        source=f"/shops/{order.shop}/feedback",
        shop=order.shop,
        subject=order.customer,
        time=due,
        data=SurveyRequested(survey_id=survey_id, order_id=order.order_id, answer_url=answer_url, cause_at=due),
        correlationid=order.correlation_id,
        causationid=order.cause.partition("#")[2],
    )


def _due(order: CompletedOrder) -> datetime:
    if order.due_at is None:
        raise ValueError(f"nobody is asked about order {order.order_id}")
    return order.due_at


def answers_from_form(stars: str, text: str) -> tuple[QuestionAnswer, ...]:
    """The answers to a usage survey as a form sends them. Raises AnswerUnfit."""
    stars, text = stars.strip(), text.strip().replace("\r\n", "\n")
    if not stars:
        raise AnswerUnfit("stars_missing", "please choose one to five stars")
    if stars not in ("1", "2", "3", "4", "5"):
        raise AnswerUnfit("stars_invalid", "stars are a whole number from 1 to 5")
    if len(text) > MOST_CHARACTERS:
        raise AnswerUnfit("text_too_long", f"the text has {len(text)} characters, {MOST_CHARACTERS} are allowed")
    if "\x00" in text:
        raise AnswerUnfit("text_invalid", "the text contains a character that cannot be stored")
    written = (QuestionAnswer(question=TEXT, text=text),) if text else ()
    return (QuestionAnswer(question=STARS, score=int(stars)), *written)


def answered(survey: Survey, answers: tuple[QuestionAnswer, ...], at: datetime) -> Event[SurveyAnswered]:
    """The fact that the survey was answered; one id per survey, so it counts once."""
    return Event(
        id=fact_id(f"answer#{survey.survey_id}", SurveyAnswered.TYPE, survey.shop, survey.customer, 0),
        source=f"/shops/{survey.shop}/feedback",
        shop=survey.shop,
        subject=survey.customer,
        time=at,
        data=SurveyAnswered.model_validate(
            {"survey_id": survey.survey_id, "kind": survey.kind, "order_id": survey.order_id, "answers": answers}
        ),
        correlationid=survey.survey_id,
        causationid=survey.survey_id,
    )

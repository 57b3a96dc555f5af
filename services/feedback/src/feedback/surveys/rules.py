"""The usage question as it is asked, and its answer (FBK-007)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from common.events import Event, fact_id
from common.events.feedback import SurveyAnswered, SurveyRequested
from feedback.orders.rules import CompletedOrder
from feedback.refusals import MOST_CHARACTERS, Refused


@dataclass(frozen=True, slots=True)
class Survey:
    """A survey that was asked; `stars` is None until it is answered, `text` may be encrypted."""

    shop: str
    customer: str
    survey_id: str
    kind: str
    order_id: str
    cause_at: datetime | None
    answered_at: datetime | None
    stars: int | None
    text: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    stars: int
    text: str | None


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


def answer_from_form(stars: str, text: str) -> Answer:
    """An answer as a form sends it. Raises Refused: stars_missing, stars_invalid, text_too_long, text_invalid."""
    stars, text = stars.strip(), text.strip().replace("\r\n", "\n")
    if not stars:
        raise Refused("stars_missing", "please choose one to five stars")
    if stars not in ("1", "2", "3", "4", "5"):
        raise Refused("stars_invalid", "stars are a whole number from 1 to 5")
    if len(text) > MOST_CHARACTERS:
        raise Refused("text_too_long", f"the text has {len(text)} characters, {MOST_CHARACTERS} are allowed")
    if "\x00" in text:
        raise Refused("text_invalid", "the text contains a character that cannot be stored")
    return Answer(int(stars), text or None)


def answered(survey: Survey, answer: Answer, at: datetime) -> Event[SurveyAnswered]:
    """The fact that the survey was answered; one id per survey, so it counts once (FBK-007)."""
    return Event(
        id=fact_id(f"answer#{survey.survey_id}", SurveyAnswered.TYPE, survey.shop, survey.customer, 0),
        source=f"/shops/{survey.shop}/feedback",
        shop=survey.shop,
        subject=survey.customer,
        time=at,
        data=SurveyAnswered(survey_id=survey.survey_id, order_id=survey.order_id, stars=answer.stars, text=answer.text),
        correlationid=survey.survey_id,
        causationid=survey.survey_id,
    )

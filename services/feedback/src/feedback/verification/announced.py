"""What the topics say about orders, surveys, reviews and policies, and what of it a customer's rows say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from common.events import InvalidEvent, from_dict, rfc3339
from common.events.feedback import ReviewSubmitted, SurveyAnswered, SurveyPolicyChanged, SurveyRequested
from common.events.orders import OrderEvent, OrderRefunded
from common.verification import Saying, digest
from feedback.orders.rules import OrderInput, essence, order_inputs
from feedback.policy.state import Policy
from feedback.verification.differences import History

MISSING = {
    "input": "a version or a refund of an order was told, and no row keeps it",
    "survey": "a survey was requested, and no row keeps it",
    "answer": "a survey was answered, and no row keeps it",
    "review": "a review was told, and no row keeps it",
    "policy": "a policy was told, and no row keeps it",
}
"""Kinds of names that a row must stand for, and what to say of one that has none."""
Kept = tuple[tuple[str, ...], bytes]


def sayings(body: dict[str, Any]) -> Iterator[Saying]:
    """Everything that one event of `orders` or `feedback` says; nothing where it cannot be read, and so is dead."""
    try:
        event = from_dict(body)
    except InvalidEvent:
        return
    data = event.data
    if isinstance(data, (OrderEvent, OrderRefunded)):
        for given in order_inputs([event]):
            yield Saying(*_input(given))
    elif isinstance(data, SurveyRequested):
        yield Saying(*_survey(event.customer, data.survey_id, data.kind, data.order_id, data.cause_at))
    elif isinstance(data, SurveyAnswered):
        yield Saying(*_answer(event.customer, data.survey_id, data.order_id, data.stars, event.time))
        yield Saying(*_text(event.customer, "answer", data.survey_id, data.text))
    elif isinstance(data, ReviewSubmitted):
        yield Saying(*_review(event.customer, data, event.time))
        yield Saying(*_text(event.customer, "review", data.review_id, data.text))
    elif isinstance(data, SurveyPolicyChanged):
        yield Saying(("policy", event.shop, str(data.version)), policy(data.valid_from, data.policy))


def kept(history: History) -> Iterator[Kept]:
    """What must have been told of a customer, by what is stored; an erased customer's texts are gone (SEC-006)."""
    for given in history.inputs:
        yield _input(given)
    for survey in history.surveys.values():
        if survey.cause_at is not None:
            yield _survey(history.customer, survey.survey_id, survey.kind, survey.order_id, survey.cause_at)
        if survey.answered_at is not None:
            yield _answer(history.customer, survey.survey_id, survey.order_id, survey.stars, survey.answered_at)
            if not history.erased:
                yield _text(history.customer, "answer", survey.survey_id, survey.text)
    for review_id, (at, review) in history.reviews.items():
        yield _review(history.customer, review, at)
        if not history.erased:
            yield _text(history.customer, "review", review_id, review.text)


def policy(valid_from: datetime, body: dict[str, Any]) -> bytes:
    return digest(rfc3339(valid_from), Policy.model_validate(body).model_dump(mode="json"))


def _input(given: OrderInput) -> Kept:
    name = "input", given.shop, given.customer, given.order_id, given.cause
    return name, digest(rfc3339(given.at), given.rank, given.correlation_id, essence(given.body))


def _survey(customer: tuple[str, str], survey_id: str, kind: str, order_id: str, cause_at: datetime) -> Kept:
    return ("survey", *customer, survey_id), digest(kind, order_id, rfc3339(cause_at))


def _answer(customer: tuple[str, str], survey_id: str, order_id: str, stars: int | None, at: datetime) -> Kept:
    return ("answer", *customer, survey_id), digest(order_id, stars, rfc3339(at))


def _review(customer: tuple[str, str], review: ReviewSubmitted, at: datetime) -> Kept:
    said = review.model_copy(update={"text": None}).model_dump(mode="json")
    return ("review", *customer, review.review_id), digest(said, rfc3339(at))


def _text(customer: tuple[str, str], of: str, id_: str, text: str | None) -> Kept:
    return ("text", *customer, of, id_), digest(text)

"""What the topics say about orders, surveys, reviews and policies, and what a customer's rows say of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from common.crypto.sealing import map_personal
from common.events import CustomerKey, InvalidEvent, from_dict, rfc3339
from common.events.feedback import (
    ContentEvent,
    PhotoStored,
    QuestionAnswer,
    ReviewSubmitted,
    RewardEvent,
    StaffTaskEvent,
    SurveyAnswered,
    SurveyPolicyChanged,
    SurveyRequested,
    TicketEvent,
)
from common.events.orders import OrderEvent, OrderRefunded
from common.verification import Expectation, digest
from feedback.orders.rules import OrderInput, essence, order_inputs
from feedback.policy.state import Policy
from feedback.surveys.state import Survey
from feedback.verification.differences import History

MISSING = {
    "input": "a version or a refund of an order was announced, and no row keeps it",
    "survey": "a survey was requested, and no row keeps it",
    "answer": "a survey was answered, and no row keeps it",
    "review": "a review was announced, and no row keeps it",
    "entry": "something was done with a ticket, and no row keeps it",
    "reward": "a claim of a reward was announced, and no row keeps it",
    "task": "something of a staff task was announced, and no row keeps it",
    "content": "something of content was announced, and no row keeps it",
    "photo": "a photo was kept, and no row says so",
    "policy": "a policy was announced, and no row keeps it",
}
"""Kinds of names that a row must stand for, and what to say of one that has none."""
Kept = tuple[tuple[str, ...], bytes]


def expectations(body: dict[str, Any]) -> Iterator[Expectation]:
    """Everything that one event of `orders` or `feedback` says; nothing where it cannot be read, and so is dead."""
    try:
        event = from_dict(body)
    except InvalidEvent:
        return
    data = event.data
    if isinstance(data, (OrderEvent, OrderRefunded)):
        for given in order_inputs([event]):
            yield Expectation(*_input(given))
    elif isinstance(data, SurveyRequested):
        yield Expectation(*_survey(event.customer, data, data.cause_at))
    elif isinstance(data, SurveyAnswered):
        yield Expectation(*_answer(event.customer, data, event.time))
        for name, text in _texts_of_answers(data.survey_id, data.answers):
            yield Expectation(*_personal(event.customer, name, text))
    elif isinstance(data, ReviewSubmitted):
        yield Expectation(*_review(event.customer, data, event.time))
        yield Expectation(*_personal(event.customer, ("review", data.review_id), [data.text, *data.photos]))
    elif isinstance(data, TicketEvent):
        yield Expectation(*_entry(event.customer, event.type, event.time, data))
        yield Expectation(*_personal(event.customer, _entry_name(data), _texts_of(data)))
    elif isinstance(data, RewardEvent):
        yield Expectation(*_reward(event.customer, event.type, event.time, data))
    elif isinstance(data, StaffTaskEvent):
        yield Expectation(*staff_task(event.shop, event.subject or "", event.type, event.time, data))
    elif isinstance(data, ContentEvent):
        yield Expectation(*content(event.shop, event.subject or "", event.type, event.time, data))
    elif isinstance(data, PhotoStored):
        told = (data.photo_id, data.content_type, data.size, data.width, data.height)
        yield Expectation(*photo(event.customer, event.time, *told))
    elif isinstance(data, SurveyPolicyChanged):
        yield Expectation(("policy", event.shop, str(data.version)), policy(data.valid_from, data.policy))


def kept(history: History) -> Iterator[Kept]:
    """What must have been announced of a customer, by what is stored; of an erased one texts and photos are gone."""
    for given in history.inputs:
        yield _input(given)
    for s in history.surveys.values():
        if s.cause_at is not None:
            yield _survey(history.customer, s, s.cause_at)
        if s.answered_at is not None:
            yield _answer(history.customer, s, s.answered_at)
            for name, text in _texts_of_answers(s.survey_id, s.answers):
                if not history.erased:
                    yield _personal(history.customer, name, text)
    for review_id, (at, review) in history.reviews.items():
        yield _review(history.customer, review, at)
        if not history.erased:
            yield _personal(history.customer, ("review", review_id), [review.text, *review.photos])
    for entry in history.entries:
        yield _entry(history.customer, entry.type, entry.at, entry.data)
        if not history.erased:
            yield _personal(history.customer, _entry_name(entry.data), _texts_of(entry.data))
    for type_, at, claim in history.claims:
        yield _reward(history.customer, type_, at, claim)


def policy(valid_from: datetime, body: dict[str, Any]) -> bytes:
    return digest(rfc3339(valid_from), Policy.model_validate(body).model_dump(mode="json"))


def _input(given: OrderInput) -> Kept:
    name = "input", given.shop, given.customer, given.order_id, given.cause
    return name, digest(rfc3339(given.at), given.rank, given.correlation_id, essence(given.body))


def _about(survey: SurveyRequested | SurveyAnswered | Survey) -> list[Any]:
    form = [survey.kind, survey.form_id, survey.form_version]
    return [*form, survey.order_id, survey.ticket_id, survey.agent]


def _survey(customer: CustomerKey, survey: SurveyRequested | Survey, cause_at: datetime) -> Kept:
    return ("survey", *customer, survey.survey_id), digest(_about(survey), rfc3339(cause_at))


def _answer(customer: CustomerKey, survey: SurveyAnswered | Survey, at: datetime) -> Kept:
    said = [(answer.question, answer.score, answer.choices) for answer in survey.answers]
    return ("answer", *customer, survey.survey_id), digest(_about(survey), said, rfc3339(at))


def _review(customer: CustomerKey, review: ReviewSubmitted, at: datetime) -> Kept:
    said = review.model_copy(update={"text": None, "photos": ()}).model_dump(mode="json")
    return ("review", *customer, review.review_id), digest(said, rfc3339(at))


def _entry_name(ticket: TicketEvent) -> tuple[str, ...]:
    return "entry", ticket.ticket_id, str(ticket.revision)


def _entry(customer: CustomerKey, type_: str, at: datetime, ticket: TicketEvent) -> Kept:
    said = map_personal(ticket, lambda _text, _path: None).model_dump(
        mode="json", include=set(TicketEvent.model_fields)
    )
    return ("entry", *customer, ticket.ticket_id, str(ticket.revision)), digest(type_, said, rfc3339(at))


def _texts_of(ticket: TicketEvent) -> list[str | None]:
    """All texts of an entry and of the ticket as it stands then, encrypted."""
    found: list[str | None] = []
    map_personal(ticket, lambda text, _path: found.append(text))
    return found


def _texts_of_answers(
    survey_id: str, answers: Sequence[QuestionAnswer]
) -> Iterator[tuple[tuple[str, ...], str | None]]:
    for answer in answers:
        yield ("answer", survey_id, answer.question), answer.text


def _reward(customer: CustomerKey, type_: str, at: datetime, claim: RewardEvent) -> Kept:
    said = claim.model_dump(mode="json", include=set(RewardEvent.model_fields))
    return ("reward", *customer, claim.claim_id, str(claim.revision)), digest(type_, said, rfc3339(at))


def staff_task(shop: str, customer: str, type_: str, at: datetime, task: StaffTaskEvent) -> Kept:
    """One revision, without what is told of the customer: that of an erased one is gone."""
    said = map_personal(task, lambda _text, _path: None).model_dump(
        mode="json", include=set(StaffTaskEvent.model_fields)
    )
    return ("task", shop, customer, task.task_id, str(task.revision)), digest(type_, said, rfc3339(at))


def content(shop: str, customer: str, type_: str, at: datetime, told: ContentEvent) -> Kept:
    """One revision, without what the customer wrote and showed: that of an erased one is gone."""
    bare = map_personal(told, lambda _text, _path: None)
    said = bare.model_dump(mode="json", include=set(ContentEvent.model_fields) - {"photos"})
    return ("content", shop, customer, told.content_id, str(told.revision)), digest(type_, said, rfc3339(at))


def photo(customer: CustomerKey, at: datetime, photo_id: str, content_type: str, size: int, *sides: int) -> Kept:
    """Without what it is found by, which is gone of an erased customer. `sides`: width and height."""
    return ("photo", *customer, photo_id), digest(content_type, size, sides, rfc3339(at))


def _personal(customer: CustomerKey, name: tuple[str, ...], what: str | list[str | None] | None) -> Kept:
    return ("personal", *customer, *name), digest(what)

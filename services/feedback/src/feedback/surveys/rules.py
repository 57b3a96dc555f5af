"""Surveys as they are asked (FBK-007, FBK-015), and their answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from common.events import Event, fact_id
from common.events.feedback import LeaveReasonGiven, QuestionAnswer, SurveyAnswered, SurveyRequested
from feedback.forms.built_in import REASON
from feedback.forms.state import Form
from feedback.orders.rules import CompletedOrder
from feedback.surveys.state import Survey


@dataclass(frozen=True, slots=True)
class About:
    """What a survey is about; None: none of that."""

    order_id: str | None = None
    ticket_id: str | None = None
    agent: str | None = None


def survey_id_of(order: CompletedOrder) -> str:
    """Derived from kind and due time, so that a replay asks the same survey and signs the same link."""
    return usage_id(order.shop, order.customer, _due(order))


def is_usage_question(shop: str, customer: str, survey_id: str, cause_at: datetime | None) -> bool:
    """Whether it is the one usage question of FBK-007; a shop's own form of that kind, asked by request, is none."""
    return cause_at is not None and survey_id == usage_id(shop, customer, cause_at)


def usage_id(shop: str, customer: str, due: datetime) -> str:
    """The survey's id of the usage question that falls due then."""
    return fact_id(f"usage@{due.isoformat()}", SurveyRequested.TYPE, shop, customer, 0)


def ask(order: CompletedOrder, answer_url: str, version: int = 0) -> Event[SurveyRequested]:
    """The usage question about that order, dated when it fell due however late it is asked (FBK-007).

    `version`: of the policy that was in force then.
    """
    survey_id, due = survey_id_of(order), _due(order)
    return Event(
        id=survey_id,
        source=f"/shops/{order.shop}/feedback",
        shop=order.shop,
        subject=order.customer,
        time=due,
        data=SurveyRequested(
            survey_id=survey_id,
            form_version=version,
            order_id=order.order_id,
            answer_url=answer_url,
            cause_at=due,
        ),
        correlationid=order.correlation_id,
        causationid=order.cause.partition("#")[2],
    )


def _due(order: CompletedOrder) -> datetime:
    if order.due_at is None:
        raise ValueError(f"nobody is asked about order {order.order_id}")
    return order.due_at


def request(
    shop: str, customer: str, request_id: str, form: Form, version: int, about: About, answer_url: str, at: datetime
) -> Event[SurveyRequested]:
    """A survey that the shop asks of a customer now."""
    survey_id = requested_id(shop, customer, request_id)
    data = SurveyRequested(
        survey_id=survey_id,
        kind=form.kind,
        form_id=form.form_id,
        form_version=version,
        order_id=about.order_id,
        ticket_id=about.ticket_id,
        agent=about.agent,
        answer_url=answer_url,
        cause_at=at,
    )
    return Event(survey_id, f"/shops/{shop}/feedback", shop, customer, at, data, correlationid=survey_id)


def requested_id(shop: str, customer: str, request_id: str) -> str:
    """Derived from the caller's id, so that a repetition asks the same survey."""
    return fact_id(f"request@{request_id}", SurveyRequested.TYPE, shop, customer, 0)


def answered(survey: Survey, answers: tuple[QuestionAnswer, ...], at: datetime) -> Event[SurveyAnswered]:
    """The fact that the survey was answered; one id per survey, so it counts once."""
    return Event(
        id=fact_id(f"answer#{survey.survey_id}", SurveyAnswered.TYPE, survey.shop, survey.customer, 0),
        source=f"/shops/{survey.shop}/feedback",
        shop=survey.shop,
        subject=survey.customer,
        time=at,
        data=SurveyAnswered.model_validate(
            {
                "survey_id": survey.survey_id,
                "kind": survey.kind,
                "form_id": survey.form_id,
                "form_version": survey.form_version,
                "order_id": survey.order_id,
                "ticket_id": survey.ticket_id,
                "agent": survey.agent,
                "answers": answers,
            }
        ),
        correlationid=survey.survey_id,
        causationid=survey.survey_id,
    )


def leave_reasons(event: Event[SurveyAnswered]) -> list[Event[LeaveReasonGiven]]:
    """Why the customer left, where a survey of leave reasons was answered with a choice; at most one."""
    chosen = [a.choices[0] for a in event.data.answers if a.question == REASON and a.choices]
    if event.data.kind != "leave_reason" or not chosen:
        return []
    return [
        Event(
            id=fact_id(f"reason#{event.data.survey_id}", LeaveReasonGiven.TYPE, *event.customer, 0),
            source=event.source,
            shop=event.shop,
            subject=event.subject,
            time=event.time,
            data=LeaveReasonGiven(survey_id=event.data.survey_id, reason=chosen[0]),
            correlationid=event.correlationid,
            causationid=event.id,
        )
    ]

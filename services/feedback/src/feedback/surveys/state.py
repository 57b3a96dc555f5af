"""A survey of one customer, with its answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from common.events.feedback import QuestionAnswer


@dataclass(frozen=True, slots=True)
class Survey:
    """A survey that was asked; `answers` is empty until it is answered, its texts may be encrypted.

    `kind` is a SurveyKind; `form_id`, `form_version`, `ticket_id` and `agent` are those of the event. `cause_at` is
    when it fell due, None while only its answers are known (topics are read out of order).
    """

    shop: str
    customer: str
    survey_id: str
    kind: str
    order_id: str | None
    cause_at: datetime | None
    answered_at: datetime | None
    answers: tuple[QuestionAnswer, ...] = ()
    form_id: str = "usage"
    form_version: int = 0
    ticket_id: str | None = None
    agent: str | None = None

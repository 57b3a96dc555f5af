"""A survey of one customer, with its answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from common.events.feedback import QuestionAnswer


@dataclass(frozen=True, slots=True)
class Survey:
    """A survey that was asked; `answers` is empty until it is answered, its texts may be encrypted.

    `kind` is a SurveyKind. `cause_at` is when it fell due, None while only its answers are known (topics are read out
    of order).
    """

    shop: str
    customer: str
    survey_id: str
    kind: str
    order_id: str | None
    cause_at: datetime | None
    answered_at: datetime | None
    answers: tuple[QuestionAnswer, ...] = ()

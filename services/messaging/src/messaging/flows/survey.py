"""Surveys, which feedback asks for: how a customer likes what they bought (FBK-007), and the shop's other questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.events import Event
from common.events.feedback import SurveyAnswered, SurveyRequested
from messaging.conditions.state import Condition
from messaging.flows.state import Asked, Flow

SURVEY = Flow("survey", "survey", 2)
FLOWS = (SURVEY,)


def asked(event: Event[Any]) -> Sequence[Asked]:
    """One message a survey; obsolete once it is answered."""
    data = event.data
    if not isinstance(data, SurveyRequested):
        return ()
    cause = f"survey/{data.survey_id}"
    details = {"answer_url": data.answer_url} | ({} if data.order_id is None else {"order_id": data.order_id})
    # The text speaks of the purchase where nothing is said of the kind.
    details |= {} if data.kind == "usage" else {"kind": data.kind}
    return (Asked(SURVEY, cause, data.cause_at, Condition(cause, 0, "asked"), details),)


def conditions(event: Event[Any]) -> Sequence[Condition]:
    """That a survey was answered."""
    data = event.data
    return (Condition(f"survey/{data.survey_id}", 1, "answered"),) if isinstance(data, SurveyAnswered) else ()

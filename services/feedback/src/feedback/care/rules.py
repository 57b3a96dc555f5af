"""Which answers and texts call for a ticket by themselves: detractors, few stars, words that speak ill (FBK-025)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from common.events.feedback import QuestionAnswer
from feedback.forms.built_in import RECOMMEND
from feedback.forms.state import Form, ScoreQuestion
from feedback.tickets.policy import TicketPolicy

JUDGED: frozenset[str] = frozenset({"usage", "unboxing", "csat", "nps", "agent_rating", "resolution"})
"""Kinds of survey that ask how satisfied somebody is: polls, needs and leave reasons ask for something else."""


def is_unhappy(kind: str, form: Form | None, answers: Sequence[QuestionAnswer], policy: TicketPolicy) -> bool:
    """Whether one of the scores says so: of five stars at most `care_stars`, of ten at most `care_recommend`.

    `form` None: it is not known any more, and nothing is judged.
    """
    if form is None or kind not in JUDGED:
        return False
    asked = {q.question_id: q for q in form.questions if isinstance(q, ScoreQuestion)}
    for answer in answers:
        question = asked.get(answer.question)
        if question is None or answer.score is None:
            continue
        if (question.lowest, question.highest) == (1, 5) and answer.score <= policy.care_stars:
            return True
        recommends = kind == "nps" and answer.question == RECOMMEND
        if recommends and policy.care_recommend is not None and answer.score <= policy.care_recommend:
            return True
    return False


def judges_text(kind: str, answers: Sequence[QuestionAnswer]) -> bool:
    """Whether a survey's words are judged: none of its scores said how satisfied the customer is."""
    return kind in JUDGED and all(answer.score is None for answer in answers)


def is_fresh(at: datetime, now: datetime, policy: TicketPolicy) -> bool:
    """Old news opens no ticket."""
    return at >= now - timedelta(days=policy.care_days)

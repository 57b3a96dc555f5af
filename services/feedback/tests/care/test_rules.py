"""Which answers call for a ticket by themselves (FBK-025)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from common.events.feedback import QuestionAnswer
from feedback.care.rules import is_fresh, is_unhappy, judges_text
from feedback.forms.built_in import BUILT_IN
from feedback.forms.state import Form, ScoreQuestion, Words
from feedback.tickets.policy import TicketPolicy

NOW = datetime(2025, 3, 1, tzinfo=UTC)


def score(question: str, value: int) -> QuestionAnswer:
    return QuestionAnswer(question=question, score=value)


@pytest.mark.parametrize(
    ("kind", "answers", "unhappy"),
    [
        ("nps", [score("recommend", 6)], True),
        ("nps", [score("recommend", 7)], False),
        ("nps", [score("recommend", 0)], True),
        ("csat", [score("quality", 5), score("service", 2)], True),
        ("csat", [score("quality", 3), score("service", 3), score("experience", 3)], False),
        ("usage", [score("stars", 1)], True),
        ("resolution", [score("stars", 2)], True),
        ("agent_rating", [score("stars", 3)], False),
        ("csat", [QuestionAnswer(question="text", text="enc:x")], False),
        ("leave_reason", [QuestionAnswer(question="reason", choices=("service",))], False),
    ],
)
def test_a_detractor_and_few_stars_are_unhappy(kind: str, answers: list[QuestionAnswer], unhappy: bool) -> None:
    assert is_unhappy(BUILT_IN[kind].kind, BUILT_IN[kind], answers, TicketPolicy()) is unhappy


def test_the_shop_sets_the_bounds_and_may_turn_each_off() -> None:
    calm = TicketPolicy(care_stars=0, care_recommend=None)
    assert not is_unhappy("nps", BUILT_IN["nps"], [score("recommend", 0)], calm)
    assert not is_unhappy("csat", BUILT_IN["csat"], [score("service", 1)], calm)
    assert is_unhappy("nps", BUILT_IN["nps"], [score("recommend", 8)], TicketPolicy(care_recommend=8))


def test_a_form_that_is_not_known_and_scores_on_another_scale_are_not_judged() -> None:
    """A poll's 1 of 10 is a choice, and 2 of 10 of a shop's own question no star."""
    ten = ScoreQuestion(question_id="taste", words=Words(en="Taste?"), lowest=1, highest=10)
    own = Form(form_id="taste", kind="csat", title=Words(en="Taste"), questions=(ten,))
    assert not is_unhappy("csat", None, [score("service", 1)], TicketPolicy())
    assert not is_unhappy("csat", own, [score("taste", 1)], TicketPolicy())
    assert not is_unhappy("poll", BUILT_IN["csat"], [score("service", 1)], TicketPolicy())


def test_words_are_judged_where_no_score_came_with_them() -> None:
    said = QuestionAnswer(question="text", text="enc:x")
    assert judges_text("csat", [said])
    assert not judges_text("csat", [said, score("service", 5)])
    assert not judges_text("leave_reason", [said])


def test_what_is_seven_days_old_is_fresh_and_what_is_older_is_not() -> None:
    week = timedelta(days=7)
    assert is_fresh(NOW - week, NOW, TicketPolicy())
    assert not is_fresh(NOW - week - timedelta(microseconds=1), NOW, TicketPolicy())

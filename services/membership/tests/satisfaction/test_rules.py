"""What feedback says of a customer's satisfaction (MEM-093)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from common.events.feedback import ContentApproved, ContentChanged, QuestionAnswer, ReviewSubmitted, SurveyAnswered
from membership.satisfaction.rules import Mark, mark_of

AT = datetime(2025, 3, 1, tzinfo=UTC)


def review(stars: int | None) -> Any:
    return ReviewSubmitted(review_id="r1", stars=stars)


def recommends(score: int, kind: Any = "nps", question: str = "recommend") -> Any:
    return SurveyAnswered(survey_id="s1", kind=kind, answers=(QuestionAnswer(question=question, score=score),))


def content(kind: Any, state: Any) -> Any:
    return kind(content_id="u1", kind="buyer_show", submitted_at=AT, state=state)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        *(
            (review(stars), Mark("review", "r1", said, stars))
            for stars, said in ((5, 1), (4, 1), (3, 0), (2, -1), (1, -1))
        ),
        (review(None), None),
        *(
            (recommends(n), Mark("recommendation", "", said, n))
            for n, said in ((10, 1), (9, 1), (8, 0), (7, 0), (6, -1), (0, -1))
        ),
        (recommends(10, "csat"), None),
        (recommends(10, question="why"), None),
        (content(ContentApproved, "approved"), Mark("content", "u1", 1)),
        (content(ContentChanged, "withdrawn"), Mark("content", "u1", 0)),
    ],
)
def test_what_counts_as_satisfied(data: Any, expected: Mark | None) -> None:
    assert mark_of(data) == expected

"""What an event of feedback says of a customer's satisfaction; pure (MEM-093)."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from common.events.feedback import ContentEvent, ReviewSubmitted, SurveyAnswered

Source = Literal["review", "recommendation", "content"]
GOOD_STARS, BAD_STARS = 4, 2
PROMOTER, DETRACTOR = 9, 6
"""Reichheld, The One Number You Need to Grow (2003): 9 and 10 promote, 0 to 6 detract."""


class Mark(NamedTuple):
    """`standing`: 1 good, -1 bad, 0 neither. Of one `source` and `name` the newest counts."""

    source: Source
    name: str
    standing: int
    score: int | None = None


def mark_of(data: Any) -> Mark | None:
    """A review by its stars, the answer to `recommend`, content that was approved; None: it says nothing."""
    if isinstance(data, ReviewSubmitted) and data.stars is not None:
        return Mark("review", data.review_id, _between(data.stars, BAD_STARS, GOOD_STARS), data.stars)
    if isinstance(data, SurveyAnswered) and data.kind == "nps":
        scores = [answer.score for answer in data.answers if answer.question == "recommend"]
        if scores and scores[0] is not None:
            # One name: whoever is asked again has changed their mind.
            return Mark("recommendation", "", _between(scores[0], DETRACTOR, PROMOTER), scores[0])
    if isinstance(data, ContentEvent):
        return Mark("content", data.content_id, int(data.state == "approved"))
    return None


def _between(score: int, bad: int, good: int) -> int:
    return 1 if score >= good else -1 if score <= bad else 0

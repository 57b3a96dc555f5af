"""The check of a review before it is accepted (FBK-011)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from common.events.feedback import ReviewSubmitted
from feedback.refusals import MOST_CHARACTERS, Refused

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
MOST_AHEAD = timedelta(minutes=5)


def check_review(review: ReviewSubmitted, time: datetime, now: datetime) -> None:
    """Raises Refused: review_empty, text_too_long, time_too_old, time_in_future."""
    if review.stars is None and not (review.text or "").strip():
        raise Refused("review_empty", "a review needs `stars` (1 to 5) or `text`")
    if review.text is not None and len(review.text) > MOST_CHARACTERS:
        raise Refused("text_too_long", f"`text` has {len(review.text)} characters, {MOST_CHARACTERS} are allowed")
    if time < EARLIEST:
        raise Refused("time_too_old", f"the review is dated {time.isoformat()}: use a time from 1990-01-01 on")
    if time > now + MOST_AHEAD:
        raise Refused("time_in_future", f"the review is dated {time.isoformat()}, more than five minutes ahead")

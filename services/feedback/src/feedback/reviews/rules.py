"""The check of a review before it is accepted (FBK-011)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from common.events.feedback import ReviewSubmitted, check_photo
from common.refusals import Invalid

MOST_CHARACTERS = 2_000
"""Of a review's text, counted by code point."""
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
MOST_AHEAD = timedelta(minutes=5)


class ReviewUnfit(Invalid):
    """The review cannot be taken: review_empty, text_too_long, photo_invalid, time_too_old, time_in_future."""


def check_review(review: ReviewSubmitted, time: datetime, now: datetime) -> None:
    """Raises ReviewUnfit: a review says something, within bounds, at a time that makes sense."""
    scores = (review.stars, review.dsr_goods, review.dsr_service, review.dsr_shipping)
    if all(score is None for score in scores) and not (review.text or "").strip() and not review.photos:
        raise ReviewUnfit("review_empty", "a review needs `stars` or a DSR score (1 to 5), `text` or `photos`")
    if review.text is not None and len(review.text) > MOST_CHARACTERS:
        raise ReviewUnfit("text_too_long", f"`text` has {len(review.text)} characters, {MOST_CHARACTERS} are allowed")
    for number, photo in enumerate(review.photos):
        try:
            check_photo(photo)
        except ValueError:
            raise ReviewUnfit(
                "photo_invalid", f"photo {number} is neither an https address nor an id: nothing is fetched from here"
            ) from None
    if time < EARLIEST:
        raise ReviewUnfit("time_too_old", f"the review is dated {time.isoformat()}: use a time from 1990-01-01 on")
    if time > now + MOST_AHEAD:
        raise ReviewUnfit("time_in_future", f"the review is dated {time.isoformat()}, more than five minutes ahead")

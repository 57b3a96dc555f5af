"""The cursor of the queue of tickets: where a page ended."""

from __future__ import annotations

from datetime import UTC, datetime

from common.refusals import Invalid
from feedback.tickets.state import Place
from feedback.tickets.told import PRIORITIES


class InvalidCursor(Invalid):
    """The text is no `after` that a page named."""

    def __init__(self) -> None:
        super().__init__("invalid_cursor", "`after` must be the one that the page before named.")


def place_of(after: str) -> Place:
    """Raises InvalidCursor."""
    priority, _, rest = after.partition(" ")
    at, _, ticket_id = rest.partition(" ")
    try:
        place = Place(int(priority), datetime.fromisoformat(at), ticket_id)
        at_utc = place.next_by.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidCursor from None
    if (
        not 1990 <= at_utc.year < 9000
        or not 0 <= place.priority < len(PRIORITIES)
        or place.next_by.tzinfo is None
        or not ticket_id
    ):
        raise InvalidCursor
    return place

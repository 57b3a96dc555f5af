"""Where a page of a list ended: an instant and a message, as `next_after` says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from common.refusals import Invalid

P = TypeVar("P")


class UnreadableCursor(Invalid):
    """`after` is none that a list of messages gave."""

    def __init__(self) -> None:
        super().__init__("unreadable_cursor", "`after` must be the `next_after` of the page before, unchanged.")


def told(at: datetime, message_id: str) -> str:
    """The place as `next_after`."""
    return f"{at.isoformat()}~{message_id}"


def read(after: str, place: Callable[[datetime, str], P]) -> P | None:
    """The inverse, as a `place`; None for the first page. Raises UnreadableCursor."""
    if not after:
        return None
    text, _, message_id = after.partition("~")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UnreadableCursor from None
    if at.tzinfo is None or not 1990 <= at.year < 9000 or not message_id:
        raise UnreadableCursor
    return place(at, message_id)

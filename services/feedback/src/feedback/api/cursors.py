"""Cursors of lists in order of time: an instant and a name, with a space between."""

from __future__ import annotations

from datetime import UTC, datetime


def instant_and_name(after: str) -> tuple[datetime, str] | None:
    """What the cursor names; None where no list has given it."""
    text, _, name = after.partition(" ")
    try:
        instant = datetime.fromisoformat(text)
        year = instant.astimezone(UTC).year
    except (ValueError, OverflowError):
        return None
    return (instant, name) if instant.tzinfo is not None and 1970 <= year < 9000 and name else None

"""A shop's retention of personal data, and how far the walk through its customers is."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel


class Walk(BaseModel):
    """One walk through all customers of whom something personal is held.

    `after`: customers up to this identifier were looked at; `ended_at`: null while it is under way.
    """

    day: date
    after: str = ""
    examined: int = 0
    erased: int = 0
    ended_at: datetime | None = None


class Retention(BaseModel):
    """`months`: so long after the last sign of a customer what is personal of them is kept; null: for ever.

    Nobody is erased before `begins_at`. `version` counts the changes of it, and `set_by` made the last one at `set_at`.
    """

    months: int | None
    begins_at: datetime | None = None
    version: int = 0
    set_by: str | None = None
    set_at: datetime | None = None
    walk: Walk | None = None

"""Windows of the day that a shop sets: times on the recipient's clock."""

from __future__ import annotations

from datetime import time
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Window(BaseModel):
    """Times of day in the recipient's zone; `closed_on` are the weekdays without this window."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    start: time
    end: time
    closed_on: tuple[Weekday, ...] = ()

    @model_validator(mode="after")
    def _ordered(self) -> Window:
        if self.start.tzinfo or self.end.tzinfo:
            raise ValueError("a window's times are times of day in the recipient's zone: leave the offset away")
        if self.start >= self.end:
            raise ValueError(f"the window must end after it starts, on the same day: {self.start} to {self.end}")
        if len(set(self.closed_on)) == len(WEEKDAYS):
            raise ValueError("the window is closed on every weekday: leave it away instead")
        return self


DEFAULT_WINDOWS = (
    Window(start=time(9, 30), end=time(11), closed_on=("mon",)),
    Window(start=time(14, 30), end=time(16, 30), closed_on=("fri",)),
    Window(start=time(19, 30), end=time(21)),
)
"""MSG-001 to MSG-005: Monday morning and Friday afternoon are blacked out."""

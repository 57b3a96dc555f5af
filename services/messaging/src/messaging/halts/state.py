"""How a campaign was halted, and for how long: the time of a pause does not make its messages old."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

HaltState = Literal["paused", "stopped"]


class Halt(NamedTuple):
    """`state`: None where it goes on now. `pauses`: each from when to when, one that lasts has no end; in order."""

    state: HaltState | None = None
    pauses: Sequence[tuple[datetime, datetime | None]] = ()

    def rested(self, since: datetime, at: datetime) -> timedelta:
        """How long it was paused between two instants."""
        spans = ((max(begun, since), at if ended is None else min(ended, at)) for begun, ended in self.pauses)
        return sum((ended - begun for begun, ended in spans if ended > begun), timedelta())


NOT_HALTED = Halt()
Halts = Mapping[tuple[str, str], Halt]
"""By (shop, cause) of their messages."""


def pauses_in(versions: Sequence[tuple[datetime, str]]) -> list[tuple[datetime, datetime | None]]:
    """The pauses that a campaign's versions tell of: (saved at, the state that it left the campaign in), in order."""
    found: list[tuple[datetime, datetime | None]] = []
    begun: datetime | None = None
    for at, state in versions:
        if state == "paused":
            begun = begun or at
        elif begun is not None:
            found.append((begun, at))
            begun = None
    return found if begun is None else [*found, (begun, None)]

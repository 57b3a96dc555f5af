"""A change by hand as it is asked for."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["points", "tier"]
State = Literal["proposed", "granted", "refused"]


class Asked(NamedTuple):
    """`points` more, or fewer where below zero; or the `tier`, by its id. `by`: the person who asks."""

    command_id: str
    reason: str
    by: str
    points: int | None = None
    tier: str | None = None

    @property
    def kind(self) -> Kind:
        return "points" if self.tier is None else "tier"

"""What a shop's programme gives for check-ins (MEM-046)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Given = Annotated[int, Field(ge=0, le=1_000_000, strict=True)]


class StreakBonus(BaseModel):
    """`points` more on every `days`-th day in a row: of 7, on the 7th, the 14th and so on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: Annotated[int, Field(ge=2, le=366, strict=True)]
    points: Given


class CheckInRules(BaseModel):
    """`points` for the first check-in of a calendar day of the shop; bonuses that fall on one day are added up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    points: Given = 1
    bonuses: Annotated[tuple[StreakBonus, ...], Field(max_length=20)] = ()

    def points_on(self, streak: int) -> int:
        """What the day earns that is the `streak`-th in a row."""
        return self.points + sum(bonus.points for bonus in self.bonuses if streak % bonus.days == 0)

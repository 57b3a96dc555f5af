"""What the shop gives for years of membership (MEM-025)."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class TenureStep(BaseModel):
    """`points` on the anniversary after so many `years`, and on each one after it until the next step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    years: Annotated[int, Field(ge=1, le=100, strict=True)]
    points: Annotated[int, Field(ge=0, le=1_000_000, strict=True)]


class TenureRules(BaseModel):
    """Nothing, unless the shop says so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: Annotated[tuple[TenureStep, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for low, high in pairwise(self.steps):
            if high.years <= low.years or high.points < low.points:
                raise ValueError("steps of tenure must rise: more years never give fewer points (MEM-025)")
        return self

    def points_after(self, years: int) -> int:
        return max((step.points for step in self.steps if step.years <= years), default=0)

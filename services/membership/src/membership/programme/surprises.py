"""What agents may give members unasked in a month (MEM-039)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from common.events.fields import ABSURD


class SurpriseRules(BaseModel):
    """`budget_a_month`: minor units, of the whole shop in a calendar month; 0: none. `a_member_a_year`: so many."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    budget_a_month: Annotated[int, Field(ge=0, le=ABSURD, strict=True)] = 0
    a_member_a_year: Annotated[int, Field(ge=1, le=1_000, strict=True)] = 2

"""Whom the shop asks to be its partner (MEM-093)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class PartnerRules(BaseModel):
    """`good`: so many good marks at least make a candidate. `bad_days`: for so long a bad word speaks against one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    good: Annotated[int, Field(ge=1, le=1_000, strict=True)] = 1
    bad_days: Annotated[int, Field(ge=1, le=3_650, strict=True)] = 365

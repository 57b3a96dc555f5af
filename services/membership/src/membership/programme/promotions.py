"""How many promotions one customer is shown (MEM-083)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class PromotionGuard(BaseModel):
    """`coupons`: the most that a customer is issued in any `days`, whatever the offers; null: no limit.

    What compensates or rewards is no promotion and is not counted against; it counts, though, like any other coupon.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    coupons: Annotated[int, Field(ge=1, le=1_000, strict=True)] | None = None
    days: Annotated[int, Field(ge=1, le=366, strict=True)] = 30

"""How the shop pays out what feedback grants (MEM-069, MEM-071)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class PayoutRules(BaseModel):
    """`review_reward`: as points at once; as cash, which staff pay and confirm with a reference; or not at all.

    Whether a review is rewarded, and that its stars never matter, is feedback's policy (C-12). `coupon_days`: so long a
    coupon holds that compensates. `cash_alone`: the most cash, in minor units of the shop's currency, that one person
    both approves and says to have paid to one customer in a day, `cash_a_day`: to all customers (SEC-012).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    review_reward: Literal["points", "cash", "none"] = "points"
    coupon_days: Annotated[int, Field(ge=1, le=3_650, strict=True)] = 180
    cash_alone: Annotated[int, Field(ge=0, le=10**12, strict=True)] = 10_000
    cash_a_day: Annotated[int, Field(ge=0, le=10**12, strict=True)] = 100_000

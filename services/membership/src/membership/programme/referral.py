"""What the shop gives for a customer who brings a new one, and what makes a referral suspect (MEM-087, SEC-014)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.events.fields import Identifier
from common.values.names import ShownLine


class ReferralReward(BaseModel):
    """One of: `points`; a coupon of the offer `offer_id`; a `gift`, which staff send and confirm; or none.

    `form` says which. Given once the new customer's first order that counts has completed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: Literal["points", "coupon", "gift", "none"] = "points"
    points: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] | None = None
    offer_id: Identifier | None = None
    gift: ShownLine | None = None

    @model_validator(mode="after")
    def _what_the_form_needs(self) -> Self:
        given = {"points": self.points, "coupon": self.offer_id, "gift": self.gift}
        if self.form != "none" and given.pop(self.form) is None:
            needed = {"points": "points", "coupon": "offer_id", "gift": "gift"}[self.form]
            raise ValueError(f"a reward of the form {self.form!r} needs `{needed}`")
        if any(each is not None for each in given.values()):
            raise ValueError(f"a reward of the form {self.form!r} is nothing besides: leave the other fields out")
        return self


class ReferralRules(BaseModel):
    """`referrer` and `referee`: what each gets. Suspect, so that a person looks at it before anything is given:

    more than `a_day` referrals of one customer in 24 hours; a device, means of payment or address that at least
    `shared_by` other customers have; one that both have; a ring, in which the new customer has brought the other one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    referrer: ReferralReward = ReferralReward(points=500)
    referee: ReferralReward = ReferralReward(points=200)
    a_day: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 5
    shared_by: Annotated[int, Field(ge=1, le=100, strict=True)] = 1

"""A shop's rule of rewards for good content: by grade, off unless the shop turns it on (FBK-043)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.events.feedback import ContentGrade
from common.events.fields import Identifier, Minor
from common.values.names import ShownLine, is_asked


class GradeReward(BaseModel):
    """What content of a grade earns; `form` says which field holds it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    form: Literal["points", "coupon", "gift"]
    points: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] | None = None
    offer_id: Identifier | None = Field(None, description="of membership: the offer of which a coupon is issued")
    gift: ShownLine | None = Field(None, description="what staff send; names nobody")
    worth: Annotated[Minor, Field(gt=0)] | None = Field(
        None,
        description="required: what it costs the shop, in minor units of its currency; of points what the programme "
        "makes them worth, which is not known here. It counts for what one person grants alone "
        "(`tickets.compensation`). Versions saved before it was asked for have none: nobody grants theirs alone",
    )

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        given = {"points": self.points, "coupon": self.offer_id, "gift": self.gift}
        if [form for form, value in given.items() if value is not None] != [self.form]:
            raise ValueError("give `points` for points, `offer_id` for a coupon, `gift` for a gift, and nothing else")
        if self.worth is None and is_asked():
            raise ValueError("say what it is `worth` to the shop, in minor units of its currency")
        return self


class ContentRewards(BaseModel):
    """Part of a version of the shop's policy; it counts for content that is approved while in force."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    grades: dict[ContentGrade, GradeReward] = Field({}, description="grades that earn something; none: nothing does")
    buyers_only: Annotated[bool, Field(strict=True)] = Field(
        True, description="only content of a customer who speaks as a buyer, which was checked, is rewarded"
    )
    most: Annotated[int, Field(ge=1, le=100, strict=True)] = Field(
        5, description="so many of one customer are rewarded within `days`"
    )
    days: Annotated[int, Field(ge=1, le=365, strict=True)] = 30

"""What one activity is: when, for whom, and how many places there are; it never changes once it is set."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.events.fields import Identifier, PlannedTime, Text
from common.values.names import ShownLine
from membership.programme.benefits import Kind as BenefitKind

Kind = Literal[
    "meeting", "party", "live_stream", "trip", "lesson", "sharing", "flash_deal", "game", "trial", "limited_goods",
    "other",
]  # fmt: skip


class Activity(BaseModel):
    """In [`starts`, `ends`). Members whose tier gives `benefit` may take a place from `members_from` on; everybody
    from `public_from` on, members with early access so many hours before (MEM-037). Null: that way nobody; who is
    invited always may. `places` null: without limit. `prizes`: so many are drawn among those who take part (MEM-101).
    `city` and `community`: whom it is for. `feedback_form`: the form of feedback that those who attended are asked
    (`regulars ask`); `feedback_url`: one elsewhere (MEM-110).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ShownLine
    kind: Kind = "other"
    benefit: BenefitKind | None = None
    members_from: PlannedTime | None = None
    public_from: PlannedTime | None = None
    starts: PlannedTime
    ends: PlannedTime
    places: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] | None = None
    prizes: Annotated[int, Field(ge=0, le=10_000, strict=True)] = 0
    city: Text | None = None
    community: Identifier | None = None
    feedback_form: Identifier | None = None
    feedback_url: Text | None = None

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.ends <= self.starts:
            raise ValueError("the activity must end after it starts")
        if (self.benefit is None) != (self.members_from is None):
            raise ValueError("`members_from` is for members of a `benefit`: give both or neither")
        for name in ("members_from", "public_from"):
            opens = getattr(self, name)
            if opens is not None and opens >= self.ends:
                raise ValueError(f"`{name}` must be before the end, or nobody could take a place")
        return self

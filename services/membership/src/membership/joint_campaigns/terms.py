"""What a campaign with a partner merchant is, and what may be sent in it; pure (MEM-092)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.events.fields import Identifier, PlannedTime, Text

What = Literal["gift", "sample", "dm", "aggregate", "consented_list"]
Sender = Literal["us", "partner"]
State = Literal["proposed", "approved", "refused", "ended"]
Sharing = Literal["nothing", "aggregate", "consented_list"]
SHARED: tuple[What, ...] = ("aggregate", "consented_list")


class JointCampaign(BaseModel):
    """`partner`: the other merchant. `segment`: ours that matches their customers; `traits`: in what they are alike.
    `offer_id`: an offer of ours of which their customers get codes: its uses are the response. `shares`: what of our
    members the partner may be given: `nothing`, figures in `aggregate`, or the `consented_list` of those who agreed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[Text, Field(min_length=1)]
    partner: Annotated[Text, Field(min_length=1)]
    segment: Identifier
    traits: Text | None = None
    offer_id: Identifier | None = None
    shares: Sharing = "nothing"
    starts: PlannedTime
    ends: PlannedTime

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.ends <= self.starts:
            raise ValueError("the campaign must end after it starts")
        return self


def may_send(campaign: JointCampaign, what: What, sender: Sender) -> bool:
    """Whether the terms allow it. Of our members no more is shared than was approved: a list stands above figures."""
    if what not in SHARED or sender == "partner":
        return True
    return campaign.shares == "consented_list" or campaign.shares == what

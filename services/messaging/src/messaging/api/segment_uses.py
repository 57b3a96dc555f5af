"""Who names a segment: flows, campaigns that are not over, and the contact policy.

Once it has ended nobody is in it: what asks for its customers finds none, and what leaves them out finds everybody.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field

from common.events.fields import ShopName
from common.http.api import Router, Tx, require
from messaging.campaigns.document import State
from messaging.campaigns.store import list_open
from messaging.flows.store_versions import get_books
from messaging.policy.state import in_force
from messaging.policy.store import get_versions
from messaging.segments.rules import (
    PolicyPart,
    checks_of_flow,
    leaves_out,
    parts_of_policy,
    segments_in,
    segments_of_flow,
)

router = Router(tags=["segments"])
SegmentId = Annotated[
    str, Path(max_length=63, pattern="^[a-z0-9][a-z0-9_-]{0,62}$", description="such as `quiet-regulars`")
]


class FlowNamingOut(BaseModel):
    flow: str
    title: str
    enabled: bool
    leaves_out: bool = Field(description="a condition asks for customers outside of the segment")


class CampaignNamingOut(BaseModel):
    campaign: str
    title: str
    state: State
    leaves_out: bool = Field(description="its group is of customers outside of the segment")


class SegmentUsesOut(BaseModel):
    """By name; `policy`: the parts of the policy in force. All empty of a segment that messaging has not heard of."""

    flows: list[FlowNamingOut]
    campaigns: list[CampaignNamingOut]
    policy: list[PolicyPart]


@router.get("/v1/shops/{shop}/segments/{segment}/uses", dependencies=[require("programme:read")])
async def get_segment_uses(shop: ShopName, segment: SegmentId, tx: Tx) -> SegmentUsesOut:
    """The flows, switched off ones too, the campaigns that are neither stopped nor finished, and the parts of the
    contact policy that name it."""
    policy = in_force((await get_versions(tx, {shop}))[shop], tx.clock.now()).policy
    flows = [each.document for each in (await get_books(tx, [shop]))[shop].now.flows.values()]
    return SegmentUsesOut(
        flows=[
            FlowNamingOut(
                flow=document.flow,
                title=document.title,
                enabled=document.enabled,
                leaves_out=leaves_out(checks_of_flow(document), segment),
            )
            for document in sorted(flows, key=lambda document: document.flow)
            if segment in segments_of_flow(document)
        ],
        campaigns=[
            CampaignNamingOut(
                campaign=each.document.campaign,
                title=each.document.title,
                state=each.state,
                leaves_out=leaves_out(each.document.group, segment),
            )
            for each in await list_open(tx, shop)
            if segment in segments_in(each.document.group)
        ],
        policy=parts_of_policy(policy, segment),
    )

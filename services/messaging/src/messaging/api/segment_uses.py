"""Who names a segment: flows, and campaigns that are not over; once it has ended they hold nobody by it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel

from common.events.fields import ShopName
from common.http.api import Router, Tx, require
from messaging.campaigns.document import State
from messaging.campaigns.store import list_open
from messaging.flows.store_versions import get_books
from messaging.segments.rules import segments_in, segments_of_flow

router = Router(tags=["segments"])
SegmentId = Annotated[
    str, Path(max_length=63, pattern="^[a-z0-9][a-z0-9_-]{0,62}$", description="such as `quiet-regulars`")
]


class FlowNamingOut(BaseModel):
    flow: str
    title: str
    enabled: bool


class CampaignNamingOut(BaseModel):
    campaign: str
    title: str
    state: State


class SegmentUsesOut(BaseModel):
    """By name. Of a segment that messaging has not heard of both are empty."""

    flows: list[FlowNamingOut]
    campaigns: list[CampaignNamingOut]


@router.get("/v1/shops/{shop}/segments/{segment}/uses", dependencies=[require("programme:read")])
async def get_segment_uses(shop: ShopName, segment: SegmentId, tx: Tx) -> SegmentUsesOut:
    """The flows, switched off ones too, and the campaigns that are neither stopped nor finished, that name it."""
    flows = [each.document for each in (await get_books(tx, [shop]))[shop].now.flows.values()]
    return SegmentUsesOut(
        flows=[
            FlowNamingOut(flow=document.flow, title=document.title, enabled=document.enabled)
            for document in sorted(flows, key=lambda document: document.flow)
            if segment in segments_of_flow(document)
        ],
        campaigns=[
            CampaignNamingOut(campaign=each.document.campaign, title=each.document.title, state=each.state)
            for each in await list_open(tx, shop)
            if segment in segments_in(each.document.group)
        ],
    )

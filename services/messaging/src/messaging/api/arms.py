"""The campaigns that a customer came into, also those that they are held out of (MSG-051, MSG-057)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from common.events.fields import Identifier, ShopName
from common.http.api import Router, Tx, require
from common.people.store import get_people
from messaging.campaigns.document import HOLD_OUT
from messaging.campaigns.store_results import list_arms

router = Router(tags=["campaigns"])


class CampaignArmOut(BaseModel):
    """`arm`: the variant that the customer gets; of who is `held_out` nothing is decided, and nothing is sent."""

    campaign: str
    arm: str
    held_out: bool
    at: datetime


@router.get("/v1/shops/{shop}/customers/{customer}/campaigns", dependencies=[require("messages:read")])
async def get_customers_campaigns(
    shop: ShopName, customer: Identifier, tx: Tx, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> list[CampaignArmOut]:
    """In which arm of which campaign the customer is, under any identifier, the newest first."""
    key = (shop, customer)
    people = (await get_people(tx, [key])).get(key, [key])
    return [
        CampaignArmOut(campaign=r.campaign, arm=r.arm, held_out=r.arm == HOLD_OUT, at=r.at)
        for r in await list_arms(tx, shop, {name for _, name in people}, limit)
    ]

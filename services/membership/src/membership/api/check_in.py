"""Check-ins over HTTP: the member signs in, once a calendar day of the shop (MEM-046)."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from common.events.fields import Identifier, ShopName
from common.http.api import Tx, require
from membership.commands import activities as commands
from membership.growth.state import Growth

router = APIRouter(prefix="/v1/shops/{shop}/members/{customer}", tags=["check-ins"])


class CheckInOut(BaseModel):
    """`earned` is the growth that the day's check-in holds, now or when it was reported first."""

    origin: str
    status: Literal["counted", "counted_already"]
    earned: int
    growth: int


@router.post("/check-ins", dependencies=[require("members:write")])
async def check_in(shop: ShopName, customer: Identifier, tx: Tx) -> CheckInOut:
    """The member signed in. One a calendar day of the shop counts (MEM-046); repeating it is harmless."""
    counted = await commands.check_in(tx, (shop, customer))
    growth = Growth.of(counted.member)
    return CheckInOut(
        origin=counted.origin,
        status="counted" if counted.new else "counted_already",
        earned=growth.activities[counted.origin].growth,
        growth=growth.value,
    )

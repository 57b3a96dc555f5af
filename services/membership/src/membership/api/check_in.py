"""Check-ins over HTTP: the member signs in, once a calendar day of the shop (MEM-046)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel

from common.events.fields import Identifier, ShopName
from common.fold.store_customers import read_customer
from common.http.api import Router, Tx, require
from common.http.people import Person
from membership.check_in.state import CheckIns
from membership.commands import activities as commands
from membership.fold import load
from membership.growth.state import Growth
from membership.member import Member
from membership.members.refusals import UnknownMember
from membership.programme import store as programmes
from membership.programme.versions import ShopRules

router = Router(prefix="/v1/shops/{shop}/members/{customer}", tags=["check-ins"])


class CheckInOut(BaseModel):
    """`earned` is the growth that the day's check-in holds, now or when it was reported first.

    `streak`: days in a row up to this one; `points`: what all check-ins earned.
    """

    origin: str
    status: Literal["counted", "counted_already"]
    earned: int
    growth: int
    streak: int
    points: int


class StreakOut(BaseModel):
    """`last`: the last day that counted, in the shop's zone; `streak`: days in a row as of today, 0 once it is broken.

    `next_points`: what the next day in a row earns; `points`: what all check-ins earned.
    """

    last: date | None
    streak: int
    points: int
    next_points: int


@router.post("/check-ins", dependencies=[require("members:write")])
async def check_in(shop: ShopName, customer: Identifier, tx: Tx) -> CheckInOut:
    """The member signed in. One a calendar day of the shop counts (MEM-046); repeating it is harmless."""
    counted = await commands.check_in(tx, (shop, customer))
    return CheckInOut(
        origin=counted.origin,
        status="counted" if counted.new else "counted_already",
        earned=counted.earned,
        growth=Growth.of(counted.member).value,
        streak=CheckIns.of(counted.member).streak,
        points=CheckIns.of(counted.member).points,
    )


@router.get("/check-ins", dependencies=[require("members:read")])
async def get_streak(shop: ShopName, customer: Person, tx: Tx) -> StreakOut:
    """The member's check-ins as of now (MEM-046)."""
    row = await read_customer(tx, (shop, customer))
    if row is None:
        raise UnknownMember(customer)
    rules, now = (await programmes.get_rules(tx, [shop]))[shop], tx.clock.now()
    return streak_out(load(row.state), rules, now)


def streak_out(member: Member, rules: ShopRules, now: datetime) -> StreakOut:
    made = CheckIns.of(member)
    streak = made.streak_on(rules.date_of(now))
    return StreakOut(
        last=made.last, streak=streak, points=made.points, next_points=rules.at(now).check_in.points_on(streak + 1)
    )

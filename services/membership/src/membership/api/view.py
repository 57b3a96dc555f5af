"""One view of a customer for agents: tier, way up, benefits, coupons, points, latest entries (MEM-009)."""

from __future__ import annotations

from pydantic import BaseModel

from common.events.fields import ShopName
from common.http.api import Router, Tx, require
from common.http.people import Person
from membership.api.benefits import BenefitsOut, benefits_out
from membership.api.check_in import StreakOut, streak_out
from membership.api.coupons import OpenCoupon, open_coupons
from membership.api.members import Entry, MemberOut, member_now, member_out
from membership.api.path import PathOut, path_out
from membership.commands.coupons import people_of
from membership.coupons import store as coupons
from membership.ledger import store as ledgers

router = Router(prefix="/v1/shops/{shop}/members/{customer}", tags=["members"])
_LATEST, _COUPONS = 10, 20


class ViewOut(BaseModel):
    """`entries`: the ledger's latest legs, newest first; `coupons`: the customer's own, those first that end first.

    What others know (orders, preferences, open complaints) stands at orders-ingest, segmentation and feedback.
    """

    member: MemberOut
    path: PathOut
    benefits: BenefitsOut
    check_ins: StreakOut
    coupons: list[OpenCoupon]
    entries: list[Entry]


@router.get("/view", dependencies=[require("members:read")])
async def get_view(shop: ShopName, customer: Person, tx: Tx) -> ViewOut:
    """All that membership knows of a member at one instant, for the agent who serves them (MEM-009)."""
    key = (shop, customer)
    member, rules, now = await member_now(tx, key)
    people = await people_of(tx, shop, customer)
    rows = await ledgers.list_latest(tx, key, _LATEST)
    return ViewOut(
        member=await member_out(tx, key, member, rules, now),
        path=path_out(member, rules, now),
        benefits=benefits_out(member, rules, now),
        check_ins=streak_out(member, rules, now),
        coupons=open_coupons(await coupons.usable_coupons(tx, shop, people, [], now, _COUPONS), people),
        entries=[Entry.model_validate(dict(row._mapping)) for row in rows],
    )

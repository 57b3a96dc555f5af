"""A member's benefits over HTTP: what the tier gives, quotas left, uses on orders, early access (MEM-028 to 043)."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, BaseModel

from common.events.fields import Identifier, PlannedTime, ShopName
from common.fold.customers import advanced
from common.fold.store_customers import read_customer
from common.http.api import Body, Router, Tx, require
from common.http.people import Person
from membership.benefits.rules import opens_at, quota_on
from membership.benefits.state import Benefits, Use, UseStatus
from membership.commands import benefits as commands
from membership.fold import MemberFolding
from membership.member import Member
from membership.members.refusals import UnknownMember
from membership.programme import store as programmes
from membership.programme.benefits import Benefit, Kind
from membership.programme.versions import ShopRules
from membership.tiers.state import Tiers

router = Router(prefix="/v1/shops/{shop}/members/{customer}", tags=["benefits"])


def _month_and_day(text: str) -> str:
    try:
        if re.fullmatch(r"[0-9]{2}-[0-9]{2}", text):
            date.fromisoformat(f"2000-{text}")
            return text
    except ValueError:
        pass
    raise ValueError("a birthday is month and day as MM-DD, such as 02-29")


class QuotaOut(BaseModel):
    """`first` and `last` day of the calendar period, in the shop's zone; `carried` of the uses are the last one's."""

    uses: int
    carried: int
    used: int
    remaining: int
    first: date
    last: date


class BenefitOut(BaseModel):
    """`quota` null: it is not counted. `hours`: the head start of early access."""

    benefit: Kind
    note: str | None
    hours: int | None
    quota: QuotaOut | None


class BenefitsOut(BaseModel):
    """`price` and `factor` in basis points of 1: the member's share of the price, and what points are multiplied by."""

    tier: str
    tier_id: str
    price: int
    factor: int
    benefits: list[BenefitOut]


class UseIn(Body):
    """`order_id`: the order, or the booking, that uses the benefit. `birthday` as MM-DD; it is not stored."""

    order_id: Identifier
    birthday: Annotated[str, AfterValidator(_month_and_day)] | None = None


class UseOut(BaseModel):
    """`day` lies in the period in which the use counts."""

    benefit: Kind
    order_id: str
    status: UseStatus
    day: date


class AccessOut(BaseModel):
    """`opens_at`: when the sale opens for this customer, who is let in from then on."""

    allowed: bool
    member: bool
    opens_at: datetime
    public_from: datetime


def _quota(benefit: Benefit, member: Member, rules: ShopRules, now: datetime) -> QuotaOut | None:
    enrolled = Tiers.of(member).enrolled
    if benefit.uses is None or enrolled is None:
        return None
    quota = quota_on(benefit, Benefits.of(member), rules.date_of(now), rules.date_of(enrolled))
    return QuotaOut(**quota._asdict(), remaining=quota.remaining)


def _use(kind: Kind, order_id: str, use: Use) -> UseOut:
    return UseOut(benefit=kind, order_id=order_id, status=use.status, day=use.day)


async def _known(shop: str, customer: str, tx: Tx) -> tuple[Member | None, ShopRules, datetime]:
    """The customer as of now; nothing is written."""
    await tx.stand_still()
    rules, row, now = await programmes.read_rules(tx, {shop}), await read_customer(tx, (shop, customer)), tx.clock.now()
    member = None if row is None else await advanced(tx, MemberFolding(rules, silent=True), row, now)
    return member, rules[shop], now


@router.get("/benefits", dependencies=[require("members:read")])
async def get_benefits(shop: ShopName, customer: Person, tx: Tx) -> BenefitsOut:
    """What the member's tier gives, and what is left of each quota in the period that is now (MEM-024, MEM-033)."""
    member, rules, now = await _known(shop, customer, tx)
    if member is None or Tiers.of(member).enrolled is None:
        raise UnknownMember(customer)
    return benefits_out(member, rules, now)


def benefits_out(member: Member, rules: ShopRules, now: datetime) -> BenefitsOut:
    tier = rules.at(now).tier(Tiers.of(member).standing.tier)
    given = [
        BenefitOut(benefit=b.kind, note=b.note, hours=b.hours, quota=_quota(b, member, rules, now))
        for b in tier.benefits
    ]
    return BenefitsOut(tier=tier.name, tier_id=tier.id, price=tier.price, factor=tier.factor, benefits=given)


@router.get("/access", dependencies=[require("members:read")])
async def get_access(
    shop: ShopName, customer: Person, public_from: Annotated[PlannedTime, Query()], tx: Tx
) -> AccessOut:
    """Whether a sale is open for the customer, who need be no member: members may have a head start (MEM-037)."""
    member, rules, now = await _known(shop, customer, tx)
    enrolled = member is not None and Tiers.of(member).enrolled is not None
    tier = rules.at(now).tier(Tiers.of(member).standing.tier) if member is not None and enrolled else None
    opens = opens_at(public_from, tier.benefit("early_access") if tier is not None else None)
    return AccessOut(allowed=now >= opens, member=enrolled, opens_at=opens, public_from=public_from)


@router.post("/benefits/{kind}/uses", dependencies=[require("redemptions:write")])
async def reserve_benefit(shop: ShopName, customer: Identifier, kind: Kind, body: UseIn, tx: Tx) -> UseOut:
    """Reserve one use for an order: promised when answered; of two orders at one moment one gets the last.

    It is committed when the order completes or, at once, by `commit` at shipment, and comes back when the order is
    closed or refunded before that. Repeating it is harmless.
    """
    birthday = (int(body.birthday[:2]), int(body.birthday[3:])) if body.birthday else None
    asked = commands.Asked(kind, body.order_id, birthday)
    return _use(kind, body.order_id, await commands.reserve(tx, (shop, customer), asked))


@router.post("/benefits/{kind}/uses/{order_id}/commit", dependencies=[require("redemptions:write")])
async def commit_benefit(shop: ShopName, customer: Identifier, kind: Kind, order_id: Identifier, tx: Tx) -> UseOut:
    """The order was shipped, or the booking taken up: the use is for good. Repeating it is harmless."""
    return _use(kind, order_id, await commands.commit(tx, (shop, customer), commands.Asked(kind, order_id)))


@router.post("/benefits/{kind}/uses/{order_id}/release", dependencies=[require("redemptions:write")])
async def release_benefit(shop: ShopName, customer: Identifier, kind: Kind, order_id: Identifier, tx: Tx) -> UseOut:
    """Give a reserved use back. Repeating it is harmless."""
    return _use(kind, order_id, await commands.release(tx, (shop, customer), commands.Asked(kind, order_id)))

"""Members over HTTP: tier, points, ledger, registration (MEM-010)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel

from common.events import CustomerKey
from common.events.fields import Identifier, Position, ShopName, Text
from common.fold.customers import advanced
from common.fold.store_customers import read_customer
from common.fold.store_long import is_catching_up
from common.fold.working import load_items
from common.http.api import Body, Router, Tx, require
from common.http.people import Person
from common.storage.database import Transaction
from membership.commands import registration as commands
from membership.fold import MemberFolding
from membership.growth.state import Growth
from membership.ledger import store as ledgers
from membership.member import Member
from membership.members.refusals import UnknownMember
from membership.orders.state import FINE, Orders
from membership.points.state import LOT, Points
from membership.programme import store as programmes
from membership.programme.versions import ShopRules
from membership.qualification.recent import Recent
from membership.tiers.state import Tiers

router = Router(prefix="/v1/shops/{shop}", tags=["members"])


class Expiry(BaseModel):
    points: int
    at: datetime


class MemberOut(BaseModel):
    """`term` and `grace` are last days, in the shop's zone; `price` and `factor` in basis points of 1.

    `contribution` is all that was ever paid for goods, less refunds, in minor units (MEM-026); `growth` the growth
    value (MEM-016), which is neither that nor points (C-5). `catching_up`: late orders of this customer, who has many,
    have yet to be worked in; the figures are without them for some seconds more.
    """

    customer: str
    enrolled_at: datetime
    tier: str
    tier_id: str
    level: int
    price: int
    factor: int
    since: date | None
    term: date | None
    grace: date | None
    pending: int
    available: int
    debt: int
    next_expiry: Expiry | None
    orders: int
    contribution: int
    growth: int
    catching_up: bool


class Entry(BaseModel):
    """One leg; those of one cause have one `entry` and sum to zero. A correction was made by late news, named by the
    cause."""

    entry: int
    account: str
    lot: str
    amount: int
    cause: str
    correction: bool
    occurred_at: datetime
    recorded_at: datetime


class LedgerPage(BaseModel):
    entries: list[Entry]
    after: int | None


class RegistrationIn(Body):
    customer: Identifier
    source: Text | None = None


class RegistrationOut(BaseModel):
    customer: str
    status: Literal["registered", "member_already"]
    enrolled_at: datetime
    tier: str


async def member_now(tx: Transaction, key: CustomerKey) -> tuple[Member, ShopRules, datetime]:
    """The member as of now, by the rules in force; nothing is written. Raises UnknownMember."""
    await tx.stand_still()
    rules, row, now = await programmes.read_rules(tx, {key[0]}), await read_customer(tx, key), tx.clock.now()
    if row is None:
        raise UnknownMember(key[1])
    state = await advanced(tx, MemberFolding(rules, silent=True), row, now)
    if Tiers.of(state).enrolled is None:
        raise UnknownMember(key[1])
    return state, rules[key[0]], now


@router.get("/members/{customer}", dependencies=[require("members:read")])
async def get_member(shop: ShopName, customer: Person, tx: Tx) -> MemberOut:
    """A member's tier, term and points, as of now."""
    key = (shop, customer)
    return await member_out(tx, key, *await member_now(tx, key))


async def member_out(tx: Transaction, key: CustomerKey, state: Member, rules: ShopRules, now: datetime) -> MemberOut:
    tiers, points, programme = Tiers.of(state), Points.of(state), rules.at(now)
    standing = tiers.standing
    tier = programme.tier(standing.tier)
    assert tiers.enrolled is not None
    return MemberOut(
        customer=key[1],
        enrolled_at=tiers.enrolled,
        tier=tier.name,
        tier_id=tier.id,
        level=programme.level_of(tier.id),
        price=tier.price,
        factor=tier.factor,
        since=standing.since,
        term=standing.until,
        grace=standing.grace,
        pending=points.pending,
        available=points.available,
        debt=points.debt,
        next_expiry=await _next_expiry(tx, state, key, rules),
        orders=Orders.of(state).counting,
        contribution=max(0, Recent.of(state).of_all_time(rules.currency_at(now)).spend) * rules.unit_at(now) // FINE,
        growth=Growth.of(state).value,
        catching_up=await is_catching_up(tx, key),
    )


async def _next_expiry(tx: Transaction, state: Member, key: CustomerKey, rules: ShopRules) -> Expiry | None:
    at = Points.of(state).next_expiry
    if at is None:
        return None
    await load_items(tx, MemberFolding({key[0]: rules}), state, key, [LOT.all_names])
    return Expiry(points=sum(lot.available for _, lot in LOT.all(state) if lot.expires == at), at=at)


@router.get("/members/{customer}/ledger", dependencies=[require("members:read")])
async def get_ledger(
    shop: ShopName,
    customer: Person,
    tx: Tx,
    after: Position = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> LedgerPage:
    """A member's ledger, oldest entry first; give the last `after` for the next page.

    A page has `limit` legs, and what is left of the last one's entry.
    """
    if await read_customer(tx, (shop, customer)) is None:
        raise UnknownMember(customer)
    rows = await ledgers.list_ledger(tx, (shop, customer), after, limit)
    entries = [Entry.model_validate(dict(row._mapping)) for row in rows]
    return LedgerPage(entries=entries, after=entries[-1].entry if len(entries) >= limit else None)


@router.post("/members", dependencies=[require("members:write")])
async def register(shop: ShopName, body: RegistrationIn, tx: Tx) -> RegistrationOut:
    """Make the customer a member (MEM-010). Repeating it changes nothing."""
    made = await commands.register(tx, (shop, body.customer), body.source)
    return RegistrationOut(
        customer=body.customer,
        status="registered" if made.new else "member_already",
        enrolled_at=made.enrolled_at,
        tier=made.tier,
    )

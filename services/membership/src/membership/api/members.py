"""Members over HTTP: tier, points, ledger, the way up, registration, a shop's report (MEM-010, MEM-018)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel

from common.events import CustomerKey
from common.events.fields import Identifier, Position, ShopName, Text
from common.fold.customers import advanced
from common.fold.store import is_catching_up, read_customer
from common.fold.working import load_items
from common.http.api import Body, Router, Tx, require
from common.http.people import Person
from common.storage.database import Transaction
from membership.commands import registration as commands
from membership.fold import MemberFolding
from membership.growth.state import Growth
from membership.ledger import store as ledgers
from membership.member import Member
from membership.members import store as members
from membership.members.refusals import UnknownMember
from membership.orders.state import FINE, Orders
from membership.points.state import LOT, Points
from membership.programme import store as programmes
from membership.programme.programme import Programme, Tier
from membership.programme.versions import ShopRules
from membership.qualification.history import EVER
from membership.qualification.recent import Recent, UpToNow
from membership.tiers.state import Tiers
from membership.tiers.windows import window_start

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
    """One leg; those of one cause sum to zero. A correction was made by late news, named by the cause."""

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


class PathOut(BaseModel):
    """`spend` in minor units; what is missing by any one way suffices, null: the next tier is not reached that way.

    `spend`, `orders` and `points` (earned by orders, not what is left of them) are of the window; `growth` is the
    growth value, for good. The top tier has no next. `window_from` is null where all counts that ever was.
    """

    tier: str
    currency: str
    spend: int
    orders: int
    growth: int
    points: int
    window_from: datetime | None
    next_tier: str | None
    missing_spend: int | None
    missing_orders: int | None
    missing_growth: int | None
    missing_points: int | None
    earns: str


class RegistrationIn(Body):
    customer: Identifier
    source: Text | None = None


class RegistrationOut(BaseModel):
    customer: str
    status: Literal["registered", "member_already"]
    enrolled_at: datetime
    tier: str


class TierCount(BaseModel):
    """The programme's tiers come lowest first."""

    tier: str
    tier_id: str
    members: int
    pending: int
    available: int
    debt: int


class ReportOut(BaseModel):
    """`liability` is what the shop owes in points, `worth` that in minor units of its currency."""

    members: int
    tiers: list[TierCount]
    pending: int
    available: int
    debt: int
    liability: int
    worth: int
    currency: str


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
        contribution=max(0, Recent.of(state).ever) * rules.unit_at(now) // FINE,
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
    """A member's ledger, oldest entry first; give the last `after` for the next page."""
    if await read_customer(tx, (shop, customer)) is None:
        raise UnknownMember(customer)
    rows = await ledgers.list_ledger(tx, (shop, customer), after, limit)
    entries = [Entry.model_validate(dict(row._mapping)) for row in rows]
    return LedgerPage(entries=entries, after=entries[-1].entry if len(entries) == limit else None)


@router.get("/members/{customer}/path", dependencies=[require("members:read")])
async def get_path(shop: ShopName, customer: Person, tx: Tx) -> PathOut:
    """The way up: current tier, growth value, next tier, what is missing by each way, what earns it (MEM-018)."""
    return path_out(*await member_now(tx, (shop, customer)))


def path_out(state: Member, rules: ShopRules, now: datetime) -> PathOut:
    programme, tiers = rules.at(now), Tiers.of(state)
    level = programme.level_of(tiers.standing.tier)
    assert tiers.enrolled is not None
    window = window_start(rules, programme, now, tiers.enrolled)
    reached = UpToNow(state, rules).through(window, now)
    reached = reached._replace(spend=max(0, reached.spend) * rules.unit_at(now) // FINE)
    following = programme.tiers[level + 1] if level + 1 < len(programme.tiers) else None
    return PathOut(
        tier=programme.tiers[level].name,
        currency=rules.currency_at(now),
        **reached._asdict(),
        window_from=None if window == EVER else window,
        next_tier=following.name if following else None,
        missing_spend=_missing(following.spend if following else None, reached.spend),
        missing_orders=_missing(following.orders if following else None, reached.orders),
        missing_growth=_missing(following.growth if following else None, reached.growth),
        missing_points=_missing(following.points if following else None, reached.points),
        earns=_what_earns(programme, following or programme.tiers[level]),
    )


def _missing(threshold: int | None, reached: int) -> int | None:
    return None if threshold is None else max(0, threshold - reached)


def _what_earns(programme: Programme, tier: Tier) -> str:
    """A sentence for the member: only what leads to the tier is named."""
    ways = []
    if (tier.spend, tier.orders, tier.points) != (None, None, None):
        when = {
            "rolling": f"within {programme.window_months} months",
            "calendar": f"within {programme.window_months} months of the calendar",
            "anniversary": f"within {programme.window_months} months, counted from the day of enrolment",
            "lifetime": "since the first one",
        }[programme.window]
        ways.append(f"completed orders, goods paid less refunds, {when}")
    if tier.growth is not None:
        rules = programme.growth
        activities = {
            "a review": rules.review,
            "an activity": rules.activity,
            "a referral": rules.referral,
            "a check-in a day": rules.check_in,
        }
        by_orders = [f"{rules.per_unit} growth per 1.00 paid"] if rules.per_unit else []
        ways.append(", ".join([*by_orders, *(f"{earns} for {what}" for what, earns in activities.items() if earns)]))
    return "; ".join(ways)


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


@router.get("/report", dependencies=[require("members:read")])
async def get_report(shop: ShopName, tx: Tx) -> ReportOut:
    """Members by tier, and what the shop owes in points."""
    rules = (await programmes.get_rules(tx, [shop]))[shop]
    now = tx.clock.now()
    programme = rules.at(now)
    counted = {row.tier: row for row in await members.get_report(tx, shop)}
    # Members to whom a new ladder has yet to come are counted under the tier they hold.
    known = {tier.id: tier.name for tier in programme.tiers}
    tiers = []
    for tier in [*known, *(tier for tier in counted if tier not in known)]:
        row = counted.get(tier)
        tiers.append(
            TierCount(
                tier=known.get(tier, tier),
                tier_id=tier,
                members=row.members if row else 0,
                pending=row.pending if row else 0,
                available=row.available if row else 0,
                debt=row.debt if row else 0,
            )
        )
    total = await members.get_outstanding(tx, shop)
    assert total is not None
    liability = int(total.pending + total.available)
    return ReportOut(
        members=sum(tier.members for tier in tiers),
        tiers=tiers,
        pending=total.pending,
        available=total.available,
        debt=total.debt,
        liability=liability,
        worth=liability * rules.unit_at(now) // programme.points.per_unit_worth,
        currency=rules.currency_at(now),
    )

"""The way up over HTTP: the next tier, what is missing for it, and what earns it (MEM-018)."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from common.events.fields import ShopName
from common.http.api import Router, Tx, require
from common.http.people import Person
from membership.api.members import member_now
from membership.member import Member
from membership.orders.state import FINE
from membership.programme.programme import Programme, Tier
from membership.programme.versions import ShopRules
from membership.qualification.history import EVER
from membership.qualification.recent import UpToNow
from membership.tiers.state import Tiers
from membership.tiers.windows import window_start

router = Router(prefix="/v1/shops/{shop}", tags=["members"])


class PathOut(BaseModel):
    """`spend` in minor units; what is missing by any one way suffices, null: the next tier is not reached that way.

    `spend`, `orders` and `points` (earned by orders, not what is left of them) are of the window; `growth` is the
    growth value, for good. What was paid in another currency than the shop's now counts as orders alone; growth and
    points that it earned lead to no tier. The top tier has no next. `window_from` is null where all ever counts.
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


@router.get("/members/{customer}/path", dependencies=[require("members:read")])
async def get_path(shop: ShopName, customer: Person, tx: Tx) -> PathOut:
    """The way up: current tier, growth value, next tier, what is missing by each way, what earns it (MEM-018)."""
    return path_out(*await member_now(tx, (shop, customer)))


def path_out(state: Member, rules: ShopRules, now: datetime) -> PathOut:
    programme, tiers = rules.at(now), Tiers.of(state)
    level = programme.level_of(tiers.standing.tier)
    assert tiers.enrolled is not None
    window = window_start(rules, programme, now, tiers.enrolled)
    currency = rules.currency_at(now)
    reached = UpToNow(state, rules).through(window, now, currency)
    reached = reached._replace(spend=max(0, reached.spend) * rules.unit_at(now) // FINE)
    following = programme.tiers[level + 1] if level + 1 < len(programme.tiers) else None
    return PathOut(
        tier=programme.tiers[level].name,
        currency=currency,
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

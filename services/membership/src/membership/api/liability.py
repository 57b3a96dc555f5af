"""The liability in points over HTTP: by month of expiry, with the rate of breakage and its interval (MEM-053)."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel

from common.events.fields import ShopName
from common.http.api import Router, Tx, require
from membership.liability import store
from membership.liability.rules import breakage
from membership.points.redemption import worth
from membership.programme import store as programmes

router = Router(prefix="/v1/shops/{shop}/report", tags=["reports"])


class BreakageOut(BaseModel):
    """The share of points that end unspent, 0 to 1, with the interval that holds it in 95 of 100 cases."""

    rate: float
    low: float
    high: float
    members: int


class LiabilityMonth(BaseModel):
    """Available points that expire at the end of the month whose first day this is; `worth` in minor units.

    `expected_to_expire`: of these points, by the rate of breakage; null where there is none.
    """

    month: date
    points: int
    lots: int
    worth: int
    expected_to_expire: int | None


class LiabilityOut(BaseModel):
    """As of `as_of`, at most an hour or so ago; null: not counted yet. Pending points have no expiry yet.

    `breakage` is null while the points of fewer than 30 members have ended.
    """

    as_of: datetime | None
    currency: str
    points: int
    worth: int
    breakage: BreakageOut | None
    months: list[LiabilityMonth]


@router.get("/liability", dependencies=[require("members:read")])
async def get_liability(shop: ShopName, tx: Tx) -> LiabilityOut:
    """What the shop owes in available points, by the month in which they expire."""
    rules, now = (await programmes.read_rules(tx, {shop}))[shop], tx.clock.now()
    currency, points = rules.currency_at(now), rules.at(now).points
    as_of, ended, rows = await store.get_snapshot(tx, shop)
    rate = breakage(ended)
    total = sum(row.points for row in rows)
    return LiabilityOut(
        as_of=as_of,
        currency=currency,
        points=total,
        worth=worth(total, points, currency),
        breakage=None if rate is None else BreakageOut(**rate._asdict(), members=ended.members),
        months=[
            LiabilityMonth(
                month=row.month,
                points=row.points,
                lots=row.lots,
                worth=worth(row.points, points, currency),
                expected_to_expire=None if rate is None else round(row.points * rate.rate),
            )
            for row in rows
        ],
    )

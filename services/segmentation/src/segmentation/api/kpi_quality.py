"""Key figures of how customers buy and judge, when, and who they are (ANA-016, 017, 022, 023, 030, 031, 043)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import Depends, Query

from common.events.fields import PlannedDay, ShopName
from common.http.api import Router, Tx, require
from segmentation.api.customers import Out
from segmentation.api.periods import KpiOut, Window, mean_of, period_of, rounded, said
from segmentation.kpis import rules
from segmentation.kpis import store_quality as quality

router = Router(prefix="/v1/shops/{shop}/kpis", tags=["kpis"], dependencies=[Depends(require("segments:read"))])


class SideOut(Out):
    """Orders and reviews of one side; shares in percent, means per order, null where nothing is known."""

    buyers: int
    orders: int
    net: int
    per_order: int | None
    units_per_order: Decimal | None
    refunded_percent: Decimal | None
    promotion_percent: Decimal | None
    silent_percent: Decimal | None
    decision_seconds: int | None
    reviews: int
    mean_stars: Decimal | None
    positive_percent: Decimal | None
    photo_percent: Decimal | None


class ComparisonOut(KpiOut):
    """Orders of a customer's first day of buying are new, all later ones returning; reviews go by the customer."""

    new: SideOut
    returning: SideOut


class ServiceOut(KpiOut):
    """Of the tickets opened in the period; medians in seconds; `in_time`: answered within `in_time_s`."""

    opened: int
    answered: int
    resolved: int
    in_time_s: int
    in_time_percent: Decimal | None
    answer_seconds: int | None
    resolve_seconds: int | None
    rated: int
    mean_rating: Decimal | None


class WeekdayOut(Out):
    """`weekday` 1 is Monday; `hours`: orders by hour of the day, those of unknown hours left out."""

    weekday: int
    orders: int
    hours: dict[int, int]


class RhythmOut(KpiOut):
    weekdays: list[WeekdayOut]


class ProfileShareOut(Out):
    """Percent of the customers of whom the trait is known; `returning` of them have a completed order."""

    value: str
    customers: int
    returning: int
    percent: Decimal | None


class ProfilesOut(Out):
    definition: str
    gender: list[ProfileShareOut]
    city_level: list[ProfileShareOut]
    region: list[ProfileShareOut]


@router.get("/new-and-returning")
async def get_comparison(
    shop: ShopName, tx: Tx, days: Window = 90, since: PlannedDay | None = None, until: PlannedDay | None = None
) -> ComparisonOut:
    """How new and returning customers buy and judge (ANA-016, ANA-017)."""
    period = await period_of(tx, shop, since, until, days)
    orders = {
        row.returning: row
        for row in await quality.compare_orders(tx, shop, period.since, period.until, period.currency)
    }
    reviews = {row.returning: row for row in await quality.compare_reviews(tx, shop, period.since, period.until)}
    definition = (
        "completed orders of the period: on the customer's first day of buying, and later; "
        "reviews of it by customers with one completed order, and with more"
    )
    return ComparisonOut(
        **said(definition, period),
        new=_side(orders.get(False), reviews.get(False)),
        returning=_side(orders.get(True), reviews.get(True)),
    )


@router.get("/service")
async def get_service(
    shop: ShopName,
    tx: Tx,
    days: Window = 90,
    since: PlannedDay | None = None,
    until: PlannedDay | None = None,
    in_time_s: Annotated[
        int, Query(ge=1, le=604_800, description="an answer within so many seconds is in time")
    ] = 3_600,
) -> ServiceOut:
    """Time to answer and to resolve, and satisfaction with it (ANA-022, ANA-023, ANA-043)."""
    period = await period_of(tx, shop, since, until, days)
    row = await quality.sum_complaints(tx, shop, period.since, period.until, in_time_s)
    return ServiceOut(
        **said("tickets opened in the period; who was not answered is in no median, and not in time", period),
        opened=row.opened,
        answered=row.answered,
        resolved=row.resolved,
        in_time_s=in_time_s,
        in_time_percent=rules.percent(row.in_time, row.opened),
        answer_seconds=row.answer_seconds,
        resolve_seconds=row.resolve_seconds,
        rated=row.rated,
        mean_rating=rounded(row.rating),
    )


@router.get("/rhythm")
async def get_rhythm(
    shop: ShopName, tx: Tx, days: Window = 90, since: PlannedDay | None = None, until: PlannedDay | None = None
) -> RhythmOut:
    """Orders by weekday and hour (ANA-030, SEG-054)."""
    period = await period_of(tx, shop, since, until, days)
    rows = await quality.count_times(tx, shop, period.since, period.until)
    return RhythmOut(
        **said("completed orders of the period by when they were placed, in the shop's zone", period),
        weekdays=[
            WeekdayOut(
                weekday=day,
                orders=sum(row.orders for row in rows if row.weekday == day),
                hours={row.hour: row.orders for row in rows if row.weekday == day and row.hour is not None},
            )
            for day in range(1, 8)
        ],
    )


@router.get("/profiles")
async def get_profiles(shop: ShopName, tx: Tx, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> ProfilesOut:
    """Customers by gender, city level and region (ANA-031, SEG-037 to SEG-039)."""
    rows = await quality.count_profiles(tx, shop, limit)
    found: dict[Literal["gender", "city_level", "region"], list[ProfileShareOut]] = {
        "gender": [],
        "city_level": [],
        "region": [],
    }
    for trait, shares in found.items():
        mine = [row for row in rows if row.trait == trait]
        total = sum(row.customers for row in mine)
        shares += [
            ProfileShareOut(
                value=row.value,
                customers=row.customers,
                returning=row.bought,
                percent=rules.percent(row.customers, total),
            )
            for row in mine
        ]
    return ProfilesOut(
        definition="customers whose profile says it, of those whose profile says anything of it", **found
    )


def _side(orders: Any, reviews: Any) -> SideOut:
    count = orders.orders if orders is not None else 0
    rated = reviews.rated if reviews is not None else 0
    number = reviews.reviews if reviews is not None else 0
    return SideOut(
        buyers=orders.buyers if count else 0,
        orders=count,
        net=orders.net if count else 0,
        per_order=orders.net // orders.priced if count and orders.priced else None,
        units_per_order=mean_of(orders.units, orders.described) if count else None,
        refunded_percent=rules.percent(orders.refunded, count) if count else None,
        promotion_percent=rules.percent(orders.promoted, orders.described) if count else None,
        silent_percent=rules.percent(orders.silent, orders.measured) if count else None,
        decision_seconds=orders.decision_seconds if count else None,
        reviews=number,
        mean_stars=rounded(reviews.stars) if number else None,
        positive_percent=rules.percent(reviews.positive, rated) if number else None,
        photo_percent=rules.percent(reviews.photos, number) if number else None,
    )

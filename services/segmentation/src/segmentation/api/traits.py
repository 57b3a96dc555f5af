"""What a customer is like: classes, grades, habits, tastes, and the buyer type with its evidence. For staff alone."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from fastapi import Depends

from common.events.customers import LifeState
from common.events.fields import ShopName
from common.events.segments import BuyerType, Confidence
from common.http.api import Router, Tx, require
from common.http.told import Told
from common.storage.database import Transaction
from common.values.currency import minor_per_major
from segmentation.activity.store import count_by_kind
from segmentation.api.customers import Out, read_state
from segmentation.bought.store import get_bought
from segmentation.buyer_types import rules as types
from segmentation.buyer_types.strategies import STRATEGIES
from segmentation.commands.types import means_of
from segmentation.profiles.rules import CityLevel
from segmentation.profiles.store import get_profile
from segmentation.shops.state import Shop
from segmentation.tags.store import get_borne
from segmentation.thresholds.state import Thresholds
from segmentation.traits import rules
from segmentation.traits.state import Known
from segmentation.voices.store import get_voices

router = Router(
    prefix="/v1/shops/{shop}/customers/{customer}",
    tags=["traits"],
    dependencies=[Depends(require("segments:read"))],
)
MOST_ORDERS, YEARS = 2_000, 3


class ProfileOut(Out):
    """As the shop says it; `city_level` follows from region and city, in China alone (SEG-039)."""

    gender: Literal["female", "male", "other"] | None
    region: str | None
    city: str | None
    city_level: CityLevel | None
    education: str | None
    credit_level: str | None
    life_state: LifeState | None
    born_from: int | None
    source: str | None


class BandOut(Out):
    """Orders worth `low` and more, less than `high`, in whole units of the currency."""

    low: int
    high: int | None
    orders: int


class TasteOut(Out):
    name: str
    units: int
    percent: float


class HoursOut(Out):
    """Orders by time of day (six hours each, from 00:00) and by weekday, Monday first."""

    slots: dict[rules.Slot, int]
    weekdays: list[int]
    habit: rules.Slot | None
    weekend_percent: float | None


class IntervalsOut(Out):
    shortest: int
    median: float
    longest: int
    last: int


class ShiftOut(Out):
    category: str
    before: int
    now: int
    direction: Literal["rising", "falling"]


class MarksOut(Out):
    new_percent: float
    hot_percent: float


class BehaviourOut(Out):
    tag: rules.BehaviourTag
    why: str


class MilestoneOut(Out):
    """`reached`: 0 to 5, or 5+."""

    reached: str
    care: Literal["none", "critical", "growing", "sticky"]


class CallOut(Out):
    """`wanted`: high purchasing power, positive reviews, buyer shows often, and loyal, all four (SEG-058)."""

    wanted: bool
    missing: list[Literal["purchasing_power", "positive_reviews", "buyer_shows", "loyal"]]


class TraitsOut(Out):
    """Of orders that count: classes and shares of the last 365 days, tastes and habits of the last three years.

    Amounts in minor units of the shop's currency. What too little is known of is null.
    """

    customer: str
    as_of: date
    currency: str
    profile: ProfileOut | None
    frequency: rules.Class
    consumption: rules.Class
    orders_in_year: int
    spent_in_year: int
    mean_order: int | None
    amount_bands: list[BandOut]
    loyalty_grade: int
    power_grade: int | None
    milestone: MilestoneOut
    categories: list[TasteOut]
    brands: list[TasteOut]
    hours: HoursOut
    intervals: IntervalsOut | None
    shifts: list[ShiftOut]
    marks: MarksOut | None
    promotion_percent: float | None
    silent_percent: float | None
    behaviour: list[BehaviourOut]
    tags: list[str]
    call: CallOut


class ScoredOut(Out):
    """`known`: of so many of the type's signals anything is known; `evidence`: those that were seen."""

    type: BuyerType
    score: int
    known: int
    evidence: list[str]


class BuyerTypeOut(Out):
    """For the shop's people alone: never told to customers (SEC-009). A VIP type is no VIP tier (C-6).

    `primary` is null while too little is known; `strategy` is what to do for it.
    """

    customer: str
    as_of: date
    primary: BuyerType | None
    secondary: list[BuyerType]
    confidence: Confidence
    strategy: list[str]
    scores: list[ScoredOut]


@router.get("/traits")
async def get_traits(shop: ShopName, customer: Told, tx: Tx) -> TraitsOut:
    """The customer's classes, grades, habits, tastes and tags (SEG-024 to SEG-070)."""
    await tx.stand_still()
    known, of_shop, thresholds = await read_traits(tx, shop, customer)
    currency = of_shop.settings.at(tx.clock.now()).currency
    profile, wanted, year = await get_profile(tx, shop, customer), thresholds.traits, known.within(rules.YEAR)
    minor, net = minor_per_major(currency), rules.spent(known.within(rules.YEAR))
    valued = [order.net for order in year if order.net is not None]
    return TraitsOut(
        customer=customer,
        as_of=known.today,
        currency=currency,
        profile=ProfileOut.model_validate(profile) if profile is not None else None,
        frequency=rules.class_of(len(year), wanted.frequency_medium, wanted.frequency_high),
        consumption=rules.class_of(net, wanted.consumption_medium * minor, wanted.consumption_high * minor),
        orders_in_year=len(year),
        spent_in_year=net,
        mean_order=sum(valued) // len(valued) if valued else None,
        amount_bands=[BandOut.model_validate(each) for each in rules.bands(year, wanted.amount_bands, minor)],
        loyalty_grade=rules.loyalty_grade(known.completed, wanted.loyalty_borders),
        power_grade=rules.power_grade(net, known.means.per_buyer, wanted.power_percents),
        milestone=MilestoneOut.model_validate(rules.milestone(known.completed)),
        categories=[TasteOut.model_validate(each) for each in rules.tastes(known.orders, "category")[:20]],
        brands=[TasteOut.model_validate(each) for each in rules.tastes(known.orders, "brand")[:20]],
        hours=HoursOut.model_validate(rules.hours(known.orders, wanted)),
        intervals=IntervalsOut.model_validate(gaps) if (gaps := rules.intervals(known.orders)) else None,
        shifts=[ShiftOut.model_validate(each) for each in rules.shifts(known, wanted)],
        marks=MarksOut.model_validate(found) if (found := rules.marks(year)) else None,
        promotion_percent=rules.percent_of(year, "promoted"),
        silent_percent=rules.percent_of(year, "silent"),
        behaviour=[BehaviourOut(tag=tag, why=why) for tag, why in rules.behaviour(known, wanted)],
        tags=sorted(known.tags),
        call=CallOut.model_validate(rules.call(known, wanted)),
    )


@router.get("/buyer-type")
async def get_buyer_type(shop: ShopName, customer: Told, tx: Tx) -> BuyerTypeOut:
    """Which of the eight buyer types the customer is, on what evidence, and what to do (SEG-074 to SEG-091)."""
    await tx.stand_still()
    known, _, thresholds = await read_traits(tx, shop, customer)
    found = types.typed(known)
    actions = thresholds.strategies.get(found.primary) or STRATEGIES[found.primary] if found.primary else ()
    return BuyerTypeOut(
        customer=customer,
        as_of=known.today,
        primary=found.primary,
        secondary=found.secondary,
        confidence=found.confidence,
        strategy=list(actions),
        scores=[ScoredOut.model_validate(each) for each in found.scores],
    )


async def read_traits(tx: Transaction, shop: str, customer: str) -> tuple[Known, Shop, Thresholds]:
    """All that traits and types are made of. Raises UnknownCustomer."""
    state, of_shop, now, _ = await read_state(tx, (shop, customer))
    settings, today = of_shop.settings, of_shop.settings.date_of(now)
    currency = settings.at(now).currency
    since = today - timedelta(days=365 * YEARS)
    orders = await get_bought(tx, shop, [customer], since, currency, MOST_ORDERS)
    activity = await count_by_kind(tx, shop, [customer], today - timedelta(days=rules.YEAR - 1))
    tags = {row.tag for row in await get_borne(tx, shop, customer)}
    known = Known(
        today=today,
        completed=state.purchases.completed,
        orders=tuple(orders[customer]),
        activity={kind: number for kind, (number, _) in activity[customer].items()},
        voices=(await get_voices(tx, shop, [customer]))[customer],
        means=means_of(of_shop, currency),
        tags=frozenset(tags),
    )
    return known, of_shop, of_shop.thresholds_at(now)

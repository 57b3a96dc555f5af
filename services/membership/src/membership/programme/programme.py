"""One version of a shop's programme: tiers, enrolment, points, growth (MEM-012).

Factors and shares are integers in basis points (12000 = 1.2), amounts in minor units of the shop's currency.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.events.fields import ABSURD, PlannedTime, Text
from common.time.calendar import add_months, start_of_month
from common.values.names import ShownName
from membership.programme.approvals import Approvals
from membership.programme.benefits import OF_REGULAR, OF_SENIOR, OF_SUPREME, OF_VIP, Benefit
from membership.programme.check_in import CheckInRules
from membership.programme.partners import PartnerRules
from membership.programme.payouts import PayoutRules
from membership.programme.promotions import PromotionGuard
from membership.programme.referral import ReferralRules
from membership.programme.surprises import SurpriseRules
from membership.programme.tenure import TenureRules

ONE = 10_000
"""Basis points of 1.0."""

BASES = ("spend", "orders", "growth", "points")
"""What a tier may be reached by (C-4), in the order in which `TierChanged.rule` names them."""

TierId = Annotated[str, Field(max_length=60, pattern=r"^[^\s/#|]*$")]
BasisPoints = Annotated[int, Field(ge=0, le=100 * ONE, strict=True)]


class Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tier(Rules):
    """One tier. Its `id` stays when its name changes; where none is given it is the name in small letters.

    Each threshold suffices by itself, None means that it cannot be reached that way (C-4).

    `spend` is in minor units and, as `orders` and `points` (earned by orders, MEM-017), of the rolling window; `growth`
    is the growth value, which never expires (MEM-016). `price` is the member's share of the shop's price, `factor`
    multiplies earned points.
    """

    name: Annotated[ShownName, Field(max_length=60)]
    id: TierId = ""
    spend: Annotated[int, Field(gt=0, le=ABSURD, strict=True)] | None = None
    orders: Annotated[int, Field(gt=0, le=1_000_000, strict=True)] | None = None
    growth: Annotated[int, Field(gt=0, le=ABSURD, strict=True)] | None = None
    points: Annotated[int, Field(gt=0, le=ABSURD, strict=True)] | None = None
    price: Annotated[int, Field(gt=0, le=ONE, strict=True)] = ONE
    factor: BasisPoints = ONE
    benefits: Annotated[tuple[Benefit, ...], Field(max_length=50)] = ()

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        if isinstance(given, dict) and not given.get("id") and isinstance(given.get("name"), str):
            return {**given, "id": re.sub(r"[\s/#|]+", "-", given["name"].strip().casefold())}
        return given

    @model_validator(mode="after")
    def _each_benefit_once(self) -> Tier:
        if len({benefit.kind for benefit in self.benefits}) < len(self.benefits):
            raise ValueError(f"tier {self.name!r} gives the same kind of benefit twice")
        return self

    def benefit(self, kind: str) -> Benefit | None:
        """The tier's benefit of that kind; None where it gives none."""
        return next((benefit for benefit in self.benefits if benefit.kind == kind), None)


REGULAR = Tier(name="Regular", benefits=OF_REGULAR)
SENIOR = Tier(name="Senior", spend=50_000, orders=3, price=9_800, factor=12_000, benefits=OF_SENIOR)
VIP = Tier(name="VIP", spend=200_000, orders=8, price=9_500, factor=15_000, benefits=OF_VIP)
SUPREME = Tier(name="Supreme", spend=500_000, orders=20, price=9_000, factor=20_000, benefits=OF_SUPREME)


class OrderBonus(Rules):
    """`points` more for every `orders`-th completed order that counts (MEM-045)."""

    orders: Annotated[int, Field(ge=2, le=1_000, strict=True)]
    points: Annotated[int, Field(ge=1, le=1_000_000, strict=True)]


class PointsRules(Rules):
    """`per_unit` points are earned per 1.00 paid for goods (MEM-044); `per_unit_worth` are worth 1.00 (MEM-052).

    They expire at the end of the month, the quarter or the year that the `expiry_months`-th month after lies in, or
    with `days` at the end of the `expiry_days`-th day after they became available. `warn_days`: so many times 24 hours
    before that the member is told, 0: never; of points that have less left when they come nothing is told.
    `extended_by` `orders`: when an order completes, all points that the member has expire no sooner than those that
    become available then.
    """

    per_unit: Annotated[int, Field(ge=0, le=1_000, strict=True)] = 1
    per_unit_worth: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = 100
    expiry: Literal["month_end", "quarter_end", "year_end", "days"] = "month_end"
    expiry_months: Annotated[int, Field(ge=1, le=120, strict=True)] = 12
    expiry_days: Annotated[int, Field(ge=1, le=3_660, strict=True)] | None = None
    largest_share: Annotated[int, Field(ge=0, le=ONE, strict=True)] = 5_000
    returned_last_days: Annotated[int, Field(ge=0, le=365, strict=True)] = 7
    clamp_at_zero: bool = False
    every: OrderBonus | None = None
    warn_days: Annotated[int, Field(ge=0, le=365, strict=True)] = 14
    extended_by: Literal["nothing", "orders"] = "nothing"

    @model_validator(mode="after")
    def _one_expiry(self) -> PointsRules:
        if (self.expiry == "days") != (self.expiry_days is not None):
            raise ValueError("`expiry_days` goes with the expiry `days`, which needs it")
        return self

    def first_day_without(self, available: date) -> date:
        """The first day on which points that became available that day are gone."""
        if self.expiry_days is not None:
            return available + timedelta(days=self.expiry_days + 1)
        months = {"month_end": 1, "quarter_end": 3, "year_end": 12}[self.expiry]
        last = add_months(start_of_month(available), self.expiry_months)
        return add_months(last.replace(month=(last.month - 1) // months * months + 1), months)


Growth = Annotated[int, Field(ge=0, le=1_000_000, strict=True)]


class GrowthRules(Rules):
    """Growth per 1.00 paid for goods of completed orders, and for each of the others; check-ins count once a day."""

    per_unit: Annotated[int, Field(ge=0, le=1_000, strict=True)] = 1
    review: Growth = 20
    activity: Growth = 10
    referral: Growth = 50
    check_in: Growth = 1


class FastTrack(Rules):
    """A campaign: one order of at least `spend` (minor units) paid in [start, end) reaches the tier (MEM-019).

    `of` `total`: the orders together that complete before the end, from the calendar day of the shop on that `start`
    lies in. `tier` is the tier's id; it is reached when the order completes, or `by_hand`: the member is on the work
    list of those to whom staff may grant it (MEM-020).
    """

    tier: TierId
    spend: Annotated[int, Field(gt=0, le=ABSURD, strict=True)]
    start: PlannedTime
    end: PlannedTime
    of: Literal["order", "total"] = "order"
    by_hand: bool = False


class Programme(Rules):
    """One version of the programme. The lowest tier is first and needs nothing.

    `window`: for which one qualifies: `rolling`, the last `window_months`; `calendar` and `anniversary`, blocks
    of so many months counted from January or from the enrolment, where a tier holds to the end of the next block and
    `term_months` says nothing; `lifetime`, all that ever was.
    `warn_days`: so many days before a term's last day it is told what is missing to keep the tier, 0: never; of a
    shorter term on its second day at the earliest.
    `equal_offers`: an offer that is everybody's, automatic or by a word, and that a customer loses by
    buying is refused (SEC-015). `related_gifts`: by
    category of goods, the categories of gifts that go with it; what it does not name takes any (MEM-060).
    `leap_day_birthday`: when the birthday of 29 February is in other years (MEM-055).
    `becomes`: for each tier that the version before had and this one has not, the id of the one that its members get.
    """

    tiers: Annotated[tuple[Tier, ...], Field(min_length=1, max_length=20)] = (REGULAR, SENIOR, VIP, SUPREME)
    enrolment: Literal["first_order", "registration"] = "first_order"
    window: Literal["rolling", "calendar", "anniversary", "lifetime"] = "rolling"
    window_months: Annotated[int, Field(ge=1, le=120, strict=True)] = 12
    term_months: Annotated[int, Field(ge=1, le=120, strict=True)] = 12
    grace_days: Annotated[int, Field(ge=0, le=365, strict=True)] = 30
    downgrade: Literal["one_down", "none", "justified"] = "one_down"
    warn_days: Annotated[int, Field(ge=0, le=365, strict=True)] = 30
    points: PointsRules = PointsRules()
    growth: GrowthRules = GrowthRules()
    check_in: CheckInRules = CheckInRules()
    approvals: Approvals = Approvals()
    payouts: PayoutRules = PayoutRules()
    referral: ReferralRules = ReferralRules()
    tenure: TenureRules = TenureRules()
    surprises: SurpriseRules = SurpriseRules()
    promotions: PromotionGuard = PromotionGuard()
    partners: PartnerRules = PartnerRules()
    leap_day_birthday: Literal["feb_28", "mar_1"] = "feb_28"
    equal_offers: bool = True
    related_gifts: Annotated[dict[Text, Annotated[tuple[Text, ...], Field(max_length=100)]], Field(max_length=200)] = {}
    fast_tracks: Annotated[tuple[FastTrack, ...], Field(max_length=50)] = ()
    becomes: Annotated[dict[TierId, TierId], Field(max_length=100)] = {}

    @model_validator(mode="after")
    def _coherent(self) -> Programme:
        first, *rest = self.tiers
        if any(getattr(first, basis) is not None for basis in BASES):
            raise ValueError(f"the lowest tier {first.name!r} is everybody's: it has no threshold")
        if len({tier.name for tier in self.tiers}) < len(self.tiers):
            raise ValueError("two tiers bear the same name")
        ids = {tier.id for tier in self.tiers}
        if len(ids) < len(self.tiers):
            raise ValueError("two tiers have the same id")
        for old, new in self.becomes.items():
            if old in ids or new not in ids:
                raise ValueError(
                    f"`becomes` leads from a tier that is gone to one that is there; {old!r} to {new!r} does not"
                )
        for tier in rest:
            if all(getattr(tier, basis) is None for basis in BASES):
                raise ValueError(f"tier {tier.name!r} needs a threshold: {', '.join(BASES)} or several of them")
        for basis in BASES:
            steps = [(t.name, getattr(t, basis)) for t in rest if getattr(t, basis) is not None]
            for (low, a), (high, b) in pairwise(steps):
                if b <= a:
                    raise ValueError(f"thresholds must rise: {high!r} asks for {basis} {b}, {low!r} for {a}")
        self._check_that_bases_can_be_earned()
        for lower, higher in pairwise(self.tiers):
            if higher.price > lower.price:
                raise ValueError(f"tier {higher.name!r} has a worse price than {lower.name!r} (MEM-028)")
        self._check_fast_tracks()
        if self.window == "calendar" and self.window_months not in (1, 2, 3, 4, 6, 12):
            raise ValueError("a window of the calendar has 1, 2, 3, 4, 6 or 12 months, so that a year is full of them")
        return self

    def _check_that_bases_can_be_earned(self) -> None:
        for tier in self.tiers:
            if tier.growth is not None and not any(dict(self.growth).values()):
                raise ValueError(f"tier {tier.name!r} asks for growth, of which the programme gives none: set `growth`")
            if tier.points is not None and not (self.points.per_unit and any(t.factor for t in self.tiers)):
                raise ValueError(f"tier {tier.name!r} asks for points, of which orders earn none: set `points`")

    def _check_fast_tracks(self) -> None:
        for track in self.fast_tracks:
            normal = next((t.spend for t in self.tiers[1:] if t.id == track.tier), None)
            if normal is None:
                raise ValueError(
                    f"a fast track leads to the id of a tier with a spend threshold; {track.tier!r} is none"
                )
            if track.spend >= normal:
                raise ValueError(
                    f"the fast track to {track.tier!r} must ask for less than the normal {normal} (MEM-019)"
                )
            if track.end <= track.start:
                raise ValueError(f"the fast track to {track.tier!r} must end after it starts")

    @property
    def by_growth(self) -> bool:
        """Whether the growth value leads to any tier; then the tier is evaluated after all that raises it."""
        return any(tier.growth is not None for tier in self.tiers)

    @property
    def by_blocks(self) -> bool:
        """Whether windows are blocks of months, at the end of which terms end."""
        return self.window in ("calendar", "anniversary")

    @property
    def months_looked_at(self) -> int:
        """How far back the rules of tiers look at what happened by days; after a block, its grace too."""
        campaigns = max(
            ((each.end - each.start).days // 28 + 1 for each in self.fast_tracks if each.of == "total"), default=0
        )
        if self.by_blocks:
            return max(self.window_months + self.grace_days // 28 + 1, campaigns)
        return max(self.window_months, self.term_months, campaigns)

    def level_of(self, tier: str) -> int:
        """Where the tier of that id stands, 0 the lowest, which is that of no member too. Raises StopIteration."""
        return next(level for level, known in enumerate(self.tiers) if known.id == tier) if tier else 0

    def level_if_known(self, tier: str) -> int:
        """Where the tier of that id stands; 0, the lowest, where there is none."""
        return next((level for level, known in enumerate(self.tiers) if known.id == tier), 0)

    def tier(self, tier: str) -> Tier:
        """The tier of that id; the lowest for no member. Raises StopIteration for none."""
        return self.tiers[self.level_of(tier)]

    @property
    def ladder(self) -> tuple[tuple[str, str], ...]:
        """Ids and names of the tiers, lowest first."""
        return tuple((tier.id, tier.name) for tier in self.tiers)

    def without_successor(self, before: Programme) -> list[str]:
        """Tiers of the version before of which this one does not say what becomes."""
        known = {tier.id for tier in self.tiers} | self.becomes.keys()
        return [tier.id for tier in before.tiers if tier.id not in known]

    def successor(self, tier: str, before: Programme) -> str:
        """What becomes of a tier of the version before; where nothing is said, the tier of the same place."""
        if any(known.id == tier for known in self.tiers):
            return tier
        place = self.tiers[min(before.level_of(tier), len(self.tiers) - 1)].id
        return self.becomes.get(tier, place)

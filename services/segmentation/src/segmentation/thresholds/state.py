"""What a shop may set: the borders of life cycle, RFM and lapse, in versions.

Versions are added, never changed, and hold from an instant to come.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.events.segments import BuyerType, LifeCycle, Method, RepeatModel

Days = Annotated[int, Field(ge=1, le=3_650, strict=True)]
Action = Literal["apology_ticket", "greeting_call", "coupon", "new_product_trial", "survey_with_gift"]
Count = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
Percent = Annotated[int, Field(ge=1, le=10_000, strict=True)]
Money = Annotated[int, Field(ge=0, le=10**9, strict=True)]
Months = Annotated[int, Field(ge=1, le=120, strict=True)]


class Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GapRules(Rules):
    """How the usual gap between a customer's orders is measured (SEG-035).

    The shop's gap counts as if it were `shop_weight` gaps of the customer's own; it is `default_days` until the shop
    knows `gaps_needed` gaps. Confidence is medium from `medium_from` own gaps on, high from `high_from`.
    """

    default_days: Days = 60
    gaps_needed: Count = 30
    shop_weight: Annotated[int, Field(ge=1, le=100, strict=True)] = 2
    shortest_days: Days = 7
    longest_days: Days = 365
    medium_from: Count = 1
    high_from: Count = 3

    @model_validator(mode="after")
    def _coherent(self) -> GapRules:
        if self.longest_days < self.shortest_days:
            raise ValueError(
                f"the longest usual gap ({self.longest_days} days) is shorter than the shortest ({self.shortest_days})"
            )
        if self.high_from <= self.medium_from:
            raise ValueError(f"high confidence must ask for more own gaps than medium, not {self.high_from}")
        return self


class LifeCycleRules(Rules):
    """How long each part of the life cycle lasts at most, in percent of the usual gap (SEG-013); then comes dead."""

    active: Percent = 100
    sleeping: Percent = 200
    pre_churn: Percent = 300
    churned: Percent = 600

    @cached_property
    def ladder(self) -> tuple[tuple[LifeCycle, int], ...]:
        """Each part that ends, with the percentage at which it does, in order."""
        return (
            ("active", self.active),
            ("sleeping", self.sleeping),
            ("pre_churn", self.pre_churn),
            ("churned", self.churned),
        )

    @model_validator(mode="after")
    def _rising(self) -> LifeCycleRules:
        for (low, a), (high, b) in pairwise(self.ladder):
            if b <= a:
                raise ValueError(f"borders must rise: {high!r} ends at {b} percent of the usual gap, {low!r} at {a}")
        return self


class RfmRules(Rules):
    """How R, F and M are scored (SEG-019).

    By `method` against the shop's buyers where there are `buyers_needed` or more: high or low by their `mean`, or
    grades 1 to 5 by `quantile` (ties stay together) or `equal_groups` (ties are broken by the other measures).
    Otherwise, or where `fixed` is asked for, against fixed borders: `recency_days`, `frequency` and `monetary` (whole
    units of the currency), or, for grades, the four borders of each measure that a grade above them starts after.
    `groups` names the grades: a map of R and F, or F and M together, to names beside the four classes.
    A new window or method counts from the next statistics on, so that customers are never measured over one window and
    compared over another.
    """

    method: Method = "mean"
    groups: Literal["four_classes", "shopify", "ten_groups"] = "four_classes"
    window_months: Months = 12
    buyers_needed: Count = 30
    buyers_for_high_confidence: Count = 300
    recency_days: Days = 60
    frequency: Count = 2
    monetary: Money = 200
    recency_grades: tuple[Days, Days, Days, Days] = (30, 60, 120, 240)
    frequency_grades: tuple[Count, Count, Count, Count] = (1, 2, 4, 7)
    monetary_grades: tuple[Money, Money, Money, Money] = (100, 200, 500, 1_000)

    @property
    def graded(self) -> bool:
        """Whether R, F and M are grades 1 to 5, not high or low."""
        return self.method in ("quantile", "equal_groups") or self.groups != "four_classes"

    @model_validator(mode="after")
    def _coherent(self) -> RfmRules:
        if self.method == "mean" and self.groups != "four_classes":
            raise ValueError(
                f"the groups {self.groups!r} are named by grades 1 to 5, and means tell high from low alone: "
                "ask for the method quantile, equal_groups or fixed"
            )
        for name in ("recency_grades", "frequency_grades", "monetary_grades"):
            borders = getattr(self, name)
            if any(b <= a for a, b in pairwise(borders)):
                raise ValueError(f"borders must rise: {name} are {borders}")
        if self.buyers_for_high_confidence < self.buyers_needed:
            raise ValueError(
                f"high confidence must ask for at least the {self.buyers_needed} buyers that means ask for, "
                f"not {self.buyers_for_high_confidence}"
            )
        return self


class ChurnRules(Rules):
    """When a customer is warned of, against the customer's own usual gap and order value (SEG-015).

    `gap_percent` of the usual gap without an order, or between the last orders, is a warning, `grave_percent` a grave
    one, and from `over_percent` on it is none any more; never before `least_days`. So is `value_percent` of the usual
    order value, or less.
    """

    gap_percent: Percent = 200
    grave_percent: Percent = 300
    over_percent: Percent = 600
    value_percent: Annotated[int, Field(ge=1, le=99, strict=True)] = 50
    least_days: Days = 7

    @model_validator(mode="after")
    def _rising(self) -> ChurnRules:
        if not 100 < self.gap_percent < self.grave_percent < self.over_percent:
            raise ValueError("gap_percent, grave_percent and over_percent must rise, and be above 100 percent")
        return self


class WinBackRules(Rules):
    """What is done to win a customer back, by the recorded reason; `other` where none is, since it asks (SEG-018)."""

    service: Action = "apology_ticket"
    nobody_cares: Action = "greeting_call"
    price: Action = "coupon"
    better_product: Action = "new_product_trial"
    other: Action = "survey_with_gift"


class ValueRules(Rules):
    """How lifetime value is estimated (SEG-025): the model of repeat buying, and over how long a time it is valued.

    `discount_percent` a year lessens what comes later; of what is spent the shop keeps `margin_percent`. A model is
    fitted where there are `buyers_needed`, of whom `repeat_needed` bought on two days or more. A new model counts from
    the next month's fit on.
    """

    model: RepeatModel = "mbg_nbd"
    horizon_days: Days = 365
    discount_percent: Annotated[int, Field(ge=0, le=100, strict=True)] = 10
    margin_percent: Annotated[int, Field(ge=1, le=100, strict=True)] = 100
    buyers_needed: Count = 100
    repeat_needed: Annotated[int, Field(ge=2, le=1_000_000, strict=True)] = 30


class ChurnModelRules(Rules):
    """Churn is buying nothing in `horizon_days`; how probable that is, is learnt from the last that have passed.

    A model is fitted where `buyers_needed` bought before them, of whom `each_needed` came again and as many did not.
    A new horizon counts from the next month's fit on.
    """

    horizon_days: Annotated[int, Field(ge=7, le=730, strict=True)] = 91
    buyers_needed: Count = 200
    each_needed: Count = 30


class TraitRules(Rules):
    """How customers are classed, graded and tagged (SEG-026, 027, 030 to 034, 043, 048, 058).

    Frequency and consumption are of 365 days, orders and whole units of the currency; borders belong to what is above
    them. `loyalty_borders`: purchases that each grade begins with. `power_percents`: of the mean buyer's net that each
    grade but the first begins with. A habit is the time of day of `habit_percent` of `least_orders` or more.
    """

    frequency_medium: Count = 2
    frequency_high: Count = 5
    consumption_medium: Money = 500
    consumption_high: Money = 2_000
    amount_bands: Annotated[tuple[Money, ...], Field(min_length=1, max_length=20)] = (50, 100, 200, 500, 1_000)
    loyalty_borders: tuple[Count, Count, Count, Count, Count] = (1, 2, 3, 5, 8)
    power_percents: tuple[Percent, Percent, Percent, Percent] = (50, 80, 120, 200)
    least_orders: Count = 3
    habit_percent: Annotated[int, Field(ge=1, le=100, strict=True)] = 60
    campaign_percent: Annotated[int, Field(ge=1, le=100, strict=True)] = 60
    loyal_orders: Count = 5
    high_value_percent: Percent = 150
    positive_percent: Annotated[int, Field(ge=1, le=100, strict=True)] = 90
    buyer_shows: Count = 2
    shift_days: Annotated[int, Field(ge=7, le=365, strict=True)] = 90
    shift_units: Count = 2

    @model_validator(mode="after")
    def _rising(self) -> TraitRules:
        for name in ("amount_bands", "loyalty_borders", "power_percents"):
            borders = getattr(self, name)
            if any(b <= a for a, b in pairwise(borders)):
                raise ValueError(f"borders must rise: {name} are {borders}")
        for name in ("frequency", "consumption"):
            if getattr(self, f"{name}_high") <= getattr(self, f"{name}_medium"):
                raise ValueError(f"{name}_high must be above {name}_medium")
        return self


StrategyAction = Annotated[str, Field(min_length=1, max_length=200)]


class Thresholds(Rules):
    """One version. `lapse_months`: calendar months after the last completed order (SEG-014)."""

    gap: GapRules = GapRules()
    life_cycle: LifeCycleRules = LifeCycleRules()
    lapse_months: Months = 2
    rfm: RfmRules = RfmRules()
    value: ValueRules = ValueRules()
    churn: ChurnRules = ChurnRules()
    win_back: WinBackRules = WinBackRules()
    churn_model: ChurnModelRules = ChurnModelRules()
    traits: TraitRules = TraitRules()
    strategies: dict[BuyerType, Annotated[tuple[StrategyAction, ...], Field(max_length=20)]] = Field(
        default_factory=dict, description="actions of a buyer type, in place of the usual ones (SEG-083)"
    )

    @property
    def settled_days(self) -> int:
        """After so many days without an order a customer is dead and lapsed, and outside the window, for good."""
        longest_alive = self.gap.longest_days * self.life_cycle.churned // 100
        # A usual gap is the mean of three or more within a year.
        warned = 366 * self.churn.over_percent // 300 + self.churn.least_days + 3
        return max(longest_alive, warned, 31 * self.lapse_months, 31 * self.rfm.window_months)


DEFAULT = Thresholds()


@dataclass(frozen=True, slots=True)
class Version:
    """`number` 0 is the default, in force before the first."""

    valid_from: datetime
    number: int
    thresholds: Thresholds


DEFAULT_VERSION = Version(datetime.min.replace(tzinfo=UTC), 0, DEFAULT)

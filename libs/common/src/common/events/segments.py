"""Events that segmentation publishes on `segments`."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from common.events.customers import ErasureConfirmed
from common.events.envelope import EventData, NewVersion
from common.events.fields import Currency, Instant, Number, Revision, Text

Stage = Literal["prospect", "new", "returning"]
LifeCycle = Literal["active", "sleeping", "pre_churn", "churned", "dead"]
Scoring = Literal["mean", "quantile", "equal_groups"]
Method = Literal["fixed", "mean", "quantile", "equal_groups"]
ChurnReason = Literal["service", "nobody_cares", "price", "better_product", "other"]
ChurnReasonSource = Literal["survey", "feedback", "call", "staff"]
ChurnSignal = Literal["silence", "frequency", "order_value"]
ChurnStrength = Literal["weak", "strong"]
TagSource = Literal["staff", "import", "chat", "call", "survey", "other"]
BuyerType = Literal["emotional", "impulsive", "rational", "vip_type", "habitual", "opinion_led", "cautious", "greedy"]
Confidence = Literal["low", "medium", "high"]
RepeatModel = Literal["bg_nbd", "mbg_nbd"]
FitStatus = Literal["fitted", "degenerate", "too_few"]
GoalKpi = Literal[
    "orders",
    "net",
    "buyers",
    "new_buyers",
    "referred_buyers",
    "repurchase_rate",
    "orders_per_buyer",
    "positive_reviews",
]


class SegmentFact(EventData):
    TOPIC: ClassVar[str] = "segments"
    RANK: ClassVar[int] = 410
    revision: Revision = 0


class StageChanged(SegmentFact):
    """SEG-001 to 004, C-1."""

    TYPE: ClassVar[str] = "stage.changed"
    HOW: ClassVar[tuple[str, ...]] = ("old",)
    old: Stage | None = None
    new: Stage
    is_repurchaser: bool


class LifeCycleChanged(SegmentFact):
    """SEG-009 to 013; `usual_gap_days` is the gap it was measured in.

    Of changes that lay more than 800 days back when they were found, the last in a row alone is announced.
    """

    TYPE: ClassVar[str] = "lifecycle.changed"
    HOW: ClassVar[tuple[str, ...]] = ("old", "confidence", "usual_gap_days")
    old: LifeCycle | None = None
    new: LifeCycle | None = None
    confidence: Confidence
    usual_gap_days: float


class RfmChanged(SegmentFact):
    """SEG-019; `cell` is three digits R F M; None when nothing was bought in the window.

    1 is high and 0 low, or grades 1 to 5 by the methods quantile and equal_groups, and by fixed where the shop's groups
    are named by grades; `group` is then the name, where the shop asks for one.
    """

    TYPE: ClassVar[str] = "rfm.changed"
    HOW: ClassVar[tuple[str, ...]] = ("old", "method", "confidence", "recency_days", "frequency", "monetary")
    old: Text | None = None
    cell: Text | None = None
    rfm_class: Text | None = None
    group: Text | None = None
    method: Method
    confidence: Confidence
    recency_days: Number | None = None
    frequency: Number = 0
    monetary: Number = 0


class SegmentEntered(SegmentFact):
    """`segment` is `lapsed` (SEG-014), or one that the shop has defined (SEG-045); `reason` says what decided.

    `episode` names this stay, so that it is acted on once (MSG-037). A customer is in several segments at a time, so of
    each segment the last entry or leaving says what is so.
    """

    TYPE: ClassVar[str] = "segment.entered"
    STANDING: ClassVar[str] = "segment"
    HOW: ClassVar[tuple[str, ...]] = ("reason",)
    segment: Text
    episode: Text
    since: Instant
    reason: Text | None = None

    def stands_as(self) -> str:
        return f"{self.STANDING}/{self.segment}"


class SegmentLeft(SegmentFact):
    TYPE: ClassVar[str] = "segment.left"
    STANDING: ClassVar[str] = "segment"
    HOW: ClassVar[tuple[str, ...]] = ("segment", "episode", "reason")
    segment: Text
    episode: Text
    reason: Text | None = None

    def stands_as(self) -> str:
        return f"{self.STANDING}/{self.segment}"


class ChurnRiskRaised(SegmentFact):
    """A churn warning against the customer's own baseline (SEG-015), or one that is another now.

    `signals`: the silence since the last order, the frequency of the last orders, or their value. `strength` is strong
    with two signals, or a silence of three usual gaps. `old` is strength and signals of the warning before, as a text.
    Of changes that lay more than 800 days back when they were found, the last in a row alone is announced.
    """

    TYPE: ClassVar[str] = "churn.risk_raised"
    STANDING: ClassVar[str] = "churn_risk"
    HOW: ClassVar[tuple[str, ...]] = ("old",)
    old: Text | None = None
    signals: tuple[ChurnSignal, ...]
    strength: ChurnStrength


class ChurnRiskEnded(SegmentFact):
    """The customer buys as usual again, or has been silent for so long that it is no warning any more."""

    TYPE: ClassVar[str] = "churn.risk_ended"
    STANDING: ClassVar[str] = "churn_risk"
    HOW: ClassVar[tuple[str, ...]] = ("old",)
    old: Text | None = None


class BuyerTypeChanged(SegmentFact):
    """Which of the eight buyer types the customer is now (SEG-074); `new` None: too little is known, or no more.

    For the shop's people and rules alone, never told to the customer (SEC-009).
    """

    TYPE: ClassVar[str] = "buyer_type.changed"
    HOW: ClassVar[tuple[str, ...]] = ("old",)
    old: BuyerType | None = None
    new: BuyerType | None = None
    confidence: Confidence


class PreferenceShifted(SegmentFact):
    """Categories of which the customer buys at least twice as much as before, or half as much (SEG-048).

    Those with most units first, 20 of a direction at most; both are empty when nothing shifts any more.
    """

    TYPE: ClassVar[str] = "preference.shifted"
    rising: Annotated[tuple[Text, ...], Field(max_length=20)] = ()
    falling: Annotated[tuple[Text, ...], Field(max_length=20)] = ()


class ChurnReasonRecorded(EventData):
    """An accepted command: why the customer has left, or is leaving, as they or the shop's people say (SEG-016, 017).

    The newest holds until the customer buys again.
    """

    TYPE: ClassVar[str] = "churn.reason_recorded"
    TOPIC: ClassVar[str] = "segments"
    RANK: ClassVar[int] = 240
    reason: ChurnReason
    source: ChurnReasonSource


class TagChanged(EventData):
    """An accepted command: a tag given to the customer, or taken away (SEG-044).

    Of each tag the newest change says what is so. `source`: who says so. A list of customers that was imported is a
    tag that all of them bear.
    """

    TYPE: ClassVar[str] = "tag.changed"
    TOPIC: ClassVar[str] = "segments"
    RANK: ClassVar[int] = 250
    tag: Text
    borne: bool
    source: TagSource


class SegmentDefined(NewVersion):
    """A new version of a segment that the shop defines, in force since `valid_from`; no customer concerned (SEG-045).

    `archived`: nobody is in it any more. Versions are numbered by segment.
    """

    TYPE: ClassVar[str] = "segment.defined"
    TOPIC: ClassVar[str] = "segments"
    segment: Text
    name: Text
    expression: Annotated[str, Field(max_length=4_000)]
    archived: bool = False


class GoalSet(NewVersion):
    """A new version of a goal of the shop, in force since `valid_from`; no customer concerned (ANA-001 to 004).

    `target` and `baseline` are in hundredths: of percent, of orders a buyer, of a count, of minor units of `currency`,
    the shop's when this version was set. `archived`: nobody looks at it any more. Versions are numbered by goal.
    """

    TYPE: ClassVar[str] = "goal.set"
    TOPIC: ClassVar[str] = "segments"
    goal: Text
    name: Text
    kpi: GoalKpi
    since: date
    until: date
    target: Number
    baseline: Number | None = None
    currency: Currency | None = None
    archived: bool = False


class ThresholdsChanged(NewVersion):
    """A new version of the shop's thresholds of segmentation, in force from `valid_from`; no customer concerned."""

    TYPE: ClassVar[str] = "thresholds.changed"
    TOPIC: ClassVar[str] = "segments"
    thresholds: dict[str, Any]


class ThresholdsWithdrawn(EventData):
    """A version of the thresholds that was to come into force never does; no customer concerned."""

    TYPE: ClassVar[str] = "thresholds.withdrawn"
    TOPIC: ClassVar[str] = "segments"
    RANK: ClassVar[int] = 6
    version: Number


class StatisticsComputed(NewVersion):
    """Statistics of the shop for `month`, in force from `valid_from`, its first instant; no customer concerned.

    They are made of what had happened by then and was known. Where much of the history of before is told later, they
    are made once more, a higher `edition` (from 0), by which everybody is judged from that instant on. Sums beside
    counts: `orders` known of before; `gaps` between the orders of one customer and twice their median in days (None
    without any); days since the last order and number of orders of the `buyers` of the `window_months` before; by
    currency [minor units, buyers]. Where `scoring` is by grades, `tops` has for each of R, F and M the last value of
    each fifth of the buyers but one. `version`: a hundred times the month's number (12 times the year, and the month
    from 0), and the edition.
    """

    TYPE: ClassVar[str] = "statistics.computed"
    TOPIC: ClassVar[str] = "segments"
    month: date
    edition: Number = 0
    window_months: Number
    orders: Number = 0
    gaps: Number = 0
    median_gap_doubled: Number | None = None
    buyers: Number = 0
    recency_sum: Number = 0
    frequency_sum: Number = 0
    monetary: dict[Currency, tuple[Number, Number]]
    scoring: Scoring = "mean"
    tops: tuple[tuple[Number, ...], ...] = ()


class LifetimeValueFitted(NewVersion):
    """The models of lifetime value of the shop for `month` (SEG-025), fitted as of `valid_from`, its first instant.

    Fitted to what had happened by then and was known, once an `edition`; no customer concerned. `repeating`: r, alpha
    (weeks), a and b of the `model`, `spending`: p, q and gamma (units of the `currency`) of Gamma-Gamma; each None
    where it could not be fitted or used, and `problems` says why. `grades`: minor units of lifetime value over
    `horizon_days` that each fifth of the buyers but the highest ends with.
    `version` and `edition` are those of the `statistics.computed` that they go with.
    """

    TYPE: ClassVar[str] = "lifetime_value.fitted"
    TOPIC: ClassVar[str] = "segments"
    month: date
    edition: Number = 0
    model: RepeatModel
    status: FitStatus
    problems: tuple[Text, ...] = ()
    buyers: Number = 0
    repeat_buyers: Number = 0
    sampled: Number = 0
    repeating: tuple[float, float, float, float] | None = None
    log_likelihood: float | None = None
    currency: Currency
    spending: tuple[float, float, float] | None = None
    correlation: float | None = None
    horizon_days: Number
    grades: tuple[Number, ...] = ()


class ChurnFitted(NewVersion):
    """The model of churn of the shop for `month`, fitted as of `valid_from`, its first instant; no customer concerned.

    Churn is buying nothing in `horizon_days`; fitted to those before the month. `weights`: the constant, then one a
    feature, each less its `means` and by its `spreads`; None where it could not be fitted, and `problems` says why.
    `held_out`, of customers the judged model was not fitted to: the share who churned, areas under the curve (auc) of
    the model and of recency alone, and Brier scores of the model and of the share. `calibration`: by tenths of them
    [customers, mean probability, share who churned]. `version` and `edition` as with `lifetime_value.fitted`.
    """

    TYPE: ClassVar[str] = "churn.fitted"
    TOPIC: ClassVar[str] = "segments"
    month: date
    edition: Number = 0
    horizon_days: Number
    status: FitStatus
    problems: tuple[Text, ...] = ()
    buyers: Number = 0
    churned: Number = 0
    weights: tuple[float, ...] | None = None
    means: tuple[float, ...] = ()
    spreads: tuple[float, ...] = ()
    held_out: dict[Text, float] | None = None
    calibration: tuple[tuple[Number, float, float], ...] = ()


class SegmentsErased(ErasureConfirmed):
    TYPE: ClassVar[str] = "segments.customer_erased"
    TOPIC: ClassVar[str] = "segments"

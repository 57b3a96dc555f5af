"""What every attribute of a customer brings: its value on an occasion, when the date changes it, its announcements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from datetime import date, datetime
from typing import Any, ClassVar, Literal, Self

from common.events import EventData
from common.events.segments import SegmentFact
from common.values.light import light_dataclass
from segmentation.purchases.state import Purchases
from segmentation.shop_statistics.state import ShopStatistics
from segmentation.shops.state import Conditions, Shop
from segmentation.thresholds.state import Thresholds


@light_dataclass(frozen=True, slots=True)
class Occasion:
    """An instant at which a customer is evaluated, and all that may be read then.

    `kind`: an `input` of the customer's own (`data` is its event's), a `change` of statistics or thresholds that takes
    force, or a `turn`, a midnight of the shop's zone at which the date alone changes something. `today` is the date of
    `at` in the shop's zone; `thresholds`, `statistics` and `currency` are those that hold at `at`.
    """

    shop: Shop
    purchases: Purchases
    at: datetime
    kind: Literal["input", "change", "turn"]
    data: EventData | None = None
    holds: Conditions = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", self.shop.conditions_at(self.at))

    @property
    def today(self) -> date:
        return self.holds.today

    @property
    def thresholds(self) -> Thresholds:
        return self.holds.thresholds

    @property
    def statistics(self) -> ShopStatistics | None:
        return self.holds.statistics

    @property
    def currency(self) -> str:
        return self.holds.currency


class Attribute:
    """One attribute with its present value: a part of the customer's state (`customers.state`).

    A subclass is pure: inputs, statistics and thresholds alone decide. It is a frozen `light_dataclass`: a new value is
    made for everybody who is looked at, and a pydantic model takes several times as long to make. No ABC either: Python
    code tells their instances apart, and storing a state asks for that a dozen times.
    """

    __slots__ = ()
    ANNOUNCES: ClassVar[tuple[type[SegmentFact], ...]] = ()
    """The events that announce it; `read_back` reads them back."""

    def evaluate(self, occasion: Occasion) -> Self:
        """The value on this occasion; `self` where the occasion is no reason to evaluate it."""
        raise NotImplementedError

    def next_turn(self, occasion: Occasion) -> date | None:
        """The first date after the occasion's on which the date alone changes the value; None: never.

        As if statistics and thresholds stayed those of the occasion.
        """
        return None

    def differs(self, other: Self) -> bool:
        """Whether going from one to the other is a change of the customer, for which the customer is folded."""
        return self != other

    def as_shown(self, occasion: Occasion) -> Self:
        """The value brought up to the occasion for being shown, not stored: what drifts without being a change."""
        return self

    def announcements(self, before: Self, occasion: Occasion) -> Iterator[SegmentFact]:
        """The facts that lead others from the value before to this one."""
        return iter(())

    @property
    def announced(self) -> Any:
        """What others must believe by the last fact of it, as JSON; None: nothing."""
        return None

    @classmethod
    def concerns(cls, fact: SegmentFact) -> bool:
        """Whether a fact of one of the types in `ANNOUNCES` is of this attribute."""
        return True

    @classmethod
    def read_back(cls, fact: SegmentFact) -> Any:
        """What others believe after this fact, one of `ANNOUNCES`, as JSON; of an attribute without any, nothing."""
        return None

    @classmethod
    def read_before(cls, fact: SegmentFact) -> Any:
        """What others believed before this fact, as it says itself."""
        return getattr(fact, "old", None)

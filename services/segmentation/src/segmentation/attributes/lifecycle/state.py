"""The life cycle of a customer: the days since the last completed order, in usual gaps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from common.events.segments import LifeCycle, LifeCycleChanged, SegmentFact
from common.values.light import light_dataclass
from segmentation.attributes.attribute import Attribute, Occasion
from segmentation.attributes.lifecycle import rules


@light_dataclass(frozen=True, slots=True)
class LifeCycleAttribute(Attribute):
    """Both None before the first completed order; `gap` is the usual gap when last evaluated, days as a fraction."""

    ANNOUNCES = (LifeCycleChanged,)
    value: LifeCycle | None = None
    gap: tuple[int, int] | None = None

    def evaluate(self, occasion: Occasion) -> LifeCycleAttribute:
        gap, last_day = _usual_gap(occasion), occasion.purchases.last_day
        if gap is None or last_day is None:
            return LifeCycleAttribute()
        value = rules.life_cycle((occasion.today - last_day).days, gap, occasion.thresholds.life_cycle)
        return self if (value, gap) == (self.value, self.gap) else LifeCycleAttribute(value=value, gap=gap)

    def next_turn(self, occasion: Occasion) -> date | None:
        gap, last_day = _usual_gap(occasion), occasion.purchases.last_day
        if gap is None or last_day is None:
            return None
        change = rules.next_change((occasion.today - last_day).days, gap, occasion.thresholds.life_cycle)
        return None if change is None else last_day + timedelta(days=change)

    def differs(self, other: LifeCycleAttribute) -> bool:
        return self.value != other.value

    def as_shown(self, occasion: Occasion) -> LifeCycleAttribute:
        return LifeCycleAttribute(value=self.value, gap=_usual_gap(occasion))

    def announcements(self, before: LifeCycleAttribute, occasion: Occasion) -> Iterator[SegmentFact]:
        if self.value == before.value:
            return
        thresholds = occasion.thresholds.gap
        gap = self.gap or rules.usual_gap(2 * thresholds.default_days, 0, 0, thresholds)
        yield LifeCycleChanged(
            old=before.value,
            new=self.value,
            confidence=rules.confidence(occasion.purchases.own_gaps, thresholds),
            usual_gap_days=rules.in_days(gap),
        )

    @property
    def announced(self) -> LifeCycle | None:
        return self.value

    @classmethod
    def read_back(cls, fact: SegmentFact) -> LifeCycle | None:
        return fact.new if isinstance(fact, LifeCycleChanged) else None


def _usual_gap(occasion: Occasion) -> tuple[int, int] | None:
    """The usual gap by statistics and thresholds of the occasion; None before the first completed order."""
    purchases = occasion.purchases
    if purchases.first_day is None or purchases.last_day is None:
        return None
    statistics, thresholds = occasion.statistics, occasion.thresholds.gap
    shop_gap_doubled = statistics.shop_gap_doubled(thresholds) if statistics else 2 * thresholds.default_days
    # Gaps between neighbouring dates add up to the days between the first and the last.
    own_sum = (purchases.last_day - purchases.first_day).days
    return rules.usual_gap(shop_gap_doubled, own_sum, purchases.own_gaps, thresholds)

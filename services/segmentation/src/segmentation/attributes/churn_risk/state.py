"""The churn warning of a customer: raised against the customer's own baseline, ended by the next usual purchase."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from common.events.segments import ChurnRiskEnded, ChurnRiskRaised, ChurnSignal, ChurnStrength, SegmentFact
from common.values.light import light_dataclass
from segmentation.attributes.attribute import Attribute, Occasion
from segmentation.attributes.churn_risk import rules
from segmentation.attributes.churn_risk.rules import NONE, Baseline


@light_dataclass(frozen=True, slots=True)
class ChurnRiskAttribute(Attribute):
    """`baseline` is that of the last input, or change of statistics or thresholds, at which the customer was folded."""

    ANNOUNCES = (ChurnRiskRaised, ChurnRiskEnded)
    baseline: Baseline = NONE
    signals: tuple[ChurnSignal, ...] = ()
    strength: ChurnStrength | None = None

    def evaluate(self, occasion: Occasion) -> ChurnRiskAttribute:
        purchases, of = occasion.purchases, self.baseline
        if purchases.buying_days <= rules.LEAST or purchases.last_day is None:
            return self if of is NONE or of == NONE else _NONE
        thresholds = occasion.thresholds.churn
        if occasion.kind != "turn":
            of = rules.baseline(purchases, occasion.today, occasion.currency, thresholds)
        days = (occasion.today - purchases.last_day).days
        found, strength = rules.signals(of, days, thresholds)
        if of == self.baseline and found == self.signals and strength == self.strength:
            return self
        return ChurnRiskAttribute(baseline=of, signals=found, strength=strength)

    def next_turn(self, occasion: Occasion) -> date | None:
        last_day = occasion.purchases.last_day
        if not self.baseline.gaps or last_day is None:
            return None
        days = (occasion.today - last_day).days
        borders = rules.borders(self.baseline, occasion.thresholds.churn)
        return next((last_day + timedelta(days=border) for border in borders if border > days), None)

    def differs(self, other: ChurnRiskAttribute) -> bool:
        return (self.strength, self.signals) != (other.strength, other.signals)

    def announcements(self, before: ChurnRiskAttribute, occasion: Occasion) -> Iterator[SegmentFact]:
        if not self.differs(before):
            return
        if self.strength is None:
            yield ChurnRiskEnded(old=before.announced)
        else:
            yield ChurnRiskRaised(old=before.announced, signals=self.signals, strength=self.strength)

    @property
    def announced(self) -> str | None:
        return None if self.strength is None else _said(self.strength, self.signals)

    @classmethod
    def read_back(cls, fact: SegmentFact) -> str | None:
        return _said(fact.strength, fact.signals) if isinstance(fact, ChurnRiskRaised) else None


def _said(strength: ChurnStrength, signals: tuple[ChurnSignal, ...]) -> str:
    return f"{strength}: {', '.join(signals)}"


_NONE = ChurnRiskAttribute()

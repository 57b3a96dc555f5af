"""The RFM score of a customer, measured against the shop's buyers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

from common.events.segments import Confidence, Method, RfmChanged, SegmentFact
from common.values.light import light_dataclass
from segmentation.attributes.attribute import Attribute, Occasion
from segmentation.attributes.rfm import rules
from segmentation.attributes.rfm.rules import Score


@light_dataclass(frozen=True, slots=True)
class RfmAttribute(Attribute):
    """`score` is None when nothing was bought in the window; R grows by the day, so it is that of `scored_at`.

    Scored at every input of the customer's own and when statistics or thresholds change the score, never otherwise.
    `statistics_of`: the month whose statistics it was scored by, None before the shop has any.
    """

    ANNOUNCES = (RfmChanged,)
    score: Score | None = None
    scored_at: datetime | None = None
    statistics_of: date | None = None

    def evaluate(self, occasion: Occasion) -> RfmAttribute:
        if occasion.kind == "turn":
            return self
        today, thresholds, statistics, currency = occasion.holds
        score = rules.score(occasion.purchases, today, statistics, thresholds.rfm, currency)
        return RfmAttribute(score, occasion.at, statistics.month if statistics else None)

    def differs(self, other: RfmAttribute) -> bool:
        return _weighed(self.score) != _weighed(other.score)

    def as_shown(self, occasion: Occasion) -> RfmAttribute:
        changed = occasion.shop.last_change(occasion.at)
        if changed is None or self.scored_at is None or self.scored_at >= changed:
            return self
        return self.evaluate(replace(occasion, at=changed, kind="change"))

    def announcements(self, before: RfmAttribute, occasion: Occasion) -> Iterator[SegmentFact]:
        old, new = before.score, self.score
        if (old and (old.cell, old.method, old.group)) == (new and (new.cell, new.method, new.group)):
            return
        if new is None:
            yield RfmChanged(old=before.announced, method=old.method if old else "fixed", confidence="low")
        else:
            yield RfmChanged(
                old=before.announced,
                cell=new.cell,
                rfm_class=new.rfm_class,
                group=new.group,
                method=new.method,
                confidence=new.confidence,
                recency_days=new.recency_days,
                frequency=new.frequency,
                monetary=new.monetary,
            )

    @property
    def announced(self) -> str | None:
        return self.score.cell if self.score is not None else None

    @classmethod
    def read_back(cls, fact: SegmentFact) -> str | None:
        return fact.cell if isinstance(fact, RfmChanged) else None


def _weighed(score: Score | None) -> tuple[str, Method, Confidence, str | None] | None:
    """What of a score makes a change; R, F and M themselves drift."""
    return None if score is None else (score.cell, score.method, score.confidence, score.group)

"""The stage of a customer, and whether they bought again; changed by the customer's own inputs alone."""

from __future__ import annotations

from collections.abc import Iterator

from common.events.segments import SegmentFact, Stage, StageChanged
from common.values.light import light_dataclass
from segmentation.attributes.attribute import Attribute, Occasion
from segmentation.attributes.stage.rules import is_repurchaser, shows_interest, stage_after


@light_dataclass(frozen=True, slots=True)
class StageAttribute(Attribute):
    """`value` is None before the first input."""

    ANNOUNCES = (StageChanged,)
    value: Stage | None = None
    is_repurchaser: bool = False

    def evaluate(self, occasion: Occasion) -> StageAttribute:
        if occasion.kind != "input":
            return self
        completed = occasion.purchases.completed
        stage = stage_after(self.value, completed, shows_interest(occasion.data))
        again = is_repurchaser(completed)
        if (stage, again) == (self.value, self.is_repurchaser):
            return self
        return StageAttribute(value=stage, is_repurchaser=again)

    def announcements(self, before: StageAttribute, occasion: Occasion) -> Iterator[SegmentFact]:
        if self.value is not None and self != before:
            yield StageChanged(old=before.value, new=self.value, is_repurchaser=self.is_repurchaser)

    @property
    def announced(self) -> Stage | None:
        return self.value

    @classmethod
    def read_back(cls, fact: SegmentFact) -> Stage | None:
        return fact.new if isinstance(fact, StageChanged) else None

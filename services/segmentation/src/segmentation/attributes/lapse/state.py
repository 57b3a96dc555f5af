"""The lapse of a customer: one episode from the lapse day to the next order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from common.events.segments import SegmentEntered, SegmentFact, SegmentLeft
from common.values.light import light_dataclass
from segmentation.attributes.attribute import Attribute, Occasion
from segmentation.attributes.lapse import rules


@light_dataclass(frozen=True, slots=True)
class LapseAttribute(Attribute):
    """`episode`: date of the last completed order before the lapse; None while not lapsed."""

    ANNOUNCES = (SegmentEntered, SegmentLeft)
    episode: date | None = None

    def evaluate(self, occasion: Occasion) -> LapseAttribute:
        last_day, episode = occasion.purchases.last_day, None
        if last_day is not None:
            episode = rules.episode(last_day, occasion.today, occasion.thresholds.lapse_months)
        return self if episode == self.episode else LapseAttribute(episode=episode)

    def next_turn(self, occasion: Occasion) -> date | None:
        if occasion.purchases.last_day is None:
            return None
        lapses = rules.lapse_day(occasion.purchases.last_day, occasion.thresholds.lapse_months)
        return lapses if occasion.today < lapses else None

    def announcements(self, before: LapseAttribute, occasion: Occasion) -> Iterator[SegmentFact]:
        if self.episode == before.episode:
            return
        if before.episode is not None:
            yield SegmentLeft(segment=rules.SEGMENT, episode=before.episode.isoformat())
        if self.episode is not None:
            lapsed_on = rules.lapse_day(self.episode, occasion.thresholds.lapse_months)
            since = occasion.shop.settings.start_of(lapsed_on)
            yield SegmentEntered(segment=rules.SEGMENT, episode=self.episode.isoformat(), since=since)

    @property
    def announced(self) -> str | None:
        return self.episode.isoformat() if self.episode is not None else None

    @classmethod
    def concerns(cls, fact: SegmentFact) -> bool:
        return isinstance(fact, SegmentEntered | SegmentLeft) and fact.segment == rules.SEGMENT

    @classmethod
    def read_back(cls, fact: SegmentFact) -> str | None:
        return fact.episode if isinstance(fact, SegmentEntered) else None

    @classmethod
    def read_before(cls, fact: SegmentFact) -> str | None:
        return fact.episode if isinstance(fact, SegmentLeft) else None

"""Events that segmentation publishes on `segments`."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from common.events.envelope import EventData, NewVersion
from common.events.fields import Instant, Number, Revision, Text

Stage = Literal["prospect", "new", "returning"]
LifeCycle = Literal["active", "sleeping", "pre_churn", "churned", "dead"]
Method = Literal["fixed", "mean"]
Confidence = Literal["low", "medium", "high"]


class SegmentFact(EventData):
    TOPIC: ClassVar[str] = "segments"
    RANK: ClassVar[int] = 410
    revision: Revision = 0


class StageChanged(SegmentFact):
    """SEG-001 to 004, C-1."""

    TYPE: ClassVar[str] = "stage.changed"
    old: Stage | None = None
    new: Stage
    is_repurchaser: bool


class LifeCycleChanged(SegmentFact):
    """SEG-009 to 013; `usual_gap_days` is the gap it was measured in."""

    TYPE: ClassVar[str] = "lifecycle.changed"
    old: LifeCycle | None = None
    new: LifeCycle | None = None
    confidence: Confidence
    usual_gap_days: float


class RfmChanged(SegmentFact):
    """SEG-019; `cell` is three digits R F M, 1 = high; None when nothing was bought in the window."""

    TYPE: ClassVar[str] = "rfm.changed"
    old: Text | None = None
    cell: Text | None = None
    rfm_class: Text | None = None
    method: Method
    confidence: Confidence
    recency_days: Number | None = None
    frequency: Number = 0
    monetary: Number = 0


class SegmentEntered(SegmentFact):
    """`segment` is `lapsed` (SEG-014); `episode` names this stay, so that it is acted on once (MSG-037)."""

    TYPE: ClassVar[str] = "segment.entered"
    segment: Text
    episode: Text
    since: Instant


class SegmentLeft(SegmentFact):
    TYPE: ClassVar[str] = "segment.left"
    segment: Text
    episode: Text


class ThresholdsChanged(NewVersion):
    """A new version of the shop's thresholds of segmentation, in force from `valid_from`; no customer concerned."""

    TYPE: ClassVar[str] = "thresholds.changed"
    TOPIC: ClassVar[str] = "segments"
    thresholds: dict[str, Any]

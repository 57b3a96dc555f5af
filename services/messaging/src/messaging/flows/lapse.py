"""The win-back of a customer whose purchases lapsed, once an episode (MSG-037)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.events import Event
from common.events.segments import SegmentEntered, SegmentLeft
from messaging.conditions.state import Condition
from messaging.flows.state import Asked, Flow

SEGMENT = "lapsed"
LAPSE = Flow("lapse", "marketing", 4, ended_by_purchase=True)
FLOWS = (LAPSE,)


def asked(event: Event[Any]) -> Sequence[Asked]:
    """One message an episode; obsolete once something is ordered, or the episode ended."""
    data = event.data
    if not isinstance(data, SegmentEntered) or data.segment != SEGMENT:
        return ()
    (condition,) = conditions(event)
    return (Asked(LAPSE, condition.subject, data.since, condition),)


def conditions(event: Event[Any]) -> Sequence[Condition]:
    """Whether the customer is in the episode."""
    data = event.data
    if not isinstance(data, SegmentEntered | SegmentLeft) or data.segment != SEGMENT:
        return ()
    value = "in" if isinstance(data, SegmentEntered) else "out"
    return (Condition(f"{SEGMENT}/{data.episode}", data.revision, value),)

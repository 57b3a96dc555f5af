"""Congratulations to a higher tier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.events import Event
from common.events.membership import TierChanged
from messaging.conditions.state import Condition
from messaging.flows.state import Asked, Flow

TIER = Flow("tier", "marketing", 3, once=True)
FLOWS = (TIER,)


def asked(event: Event[Any]) -> Sequence[Asked]:
    """One message an upgrade; obsolete once the tier has changed again."""
    data = event.data
    if not isinstance(data, TierChanged) or data.direction != "up":
        return ()
    (condition,) = conditions(event)
    return (Asked(TIER, f"{event.source}#{event.id}", event.time, condition, {"tier": data.new}),)


def conditions(event: Event[Any]) -> Sequence[Condition]:
    """The tier that the customer has now."""
    data = event.data
    return (Condition("tier", data.revision, data.new),) if isinstance(data, TierChanged) else ()

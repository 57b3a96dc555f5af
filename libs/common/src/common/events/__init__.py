"""Every event of Regulars: one class each, one file per owner.

What reads events by their type string needs all the classes, some 9 MB of memory. They are imported when one asks for
it, so that the console, which reads none, does without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common.events.envelope import CustomerKey, Event, EventData, InvalidEvent, NewerVersion, fact_id, rfc3339

if TYPE_CHECKING:
    from common.events.reading import EVENTS, decode, from_dict, why_not_json

__all__ = [
    "EVENTS",
    "CustomerKey",
    "Event",
    "EventData",
    "InvalidEvent",
    "NewerVersion",
    "decode",
    "fact_id",
    "from_dict",
    "rfc3339",
    "why_not_json",
]


def __getattr__(name: str) -> Any:
    """The names of `reading`, at their first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from common.events import reading

    return getattr(reading, name)

"""What both shapes of gateway have in common: JSON objects, and answers that are no yes."""

from __future__ import annotations

from typing import Any

import orjson

from messaging.channels.protocol import Delivery, Trouble


def json_object(body: bytes) -> dict[str, Any] | None:
    """The JSON object of an answer; None where it is none."""
    try:
        found: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def of_us(reason: str, *, at_once: bool = True) -> Delivery:
    """The gateway refuses the account, its sender or its speed, and not this message: the channel pauses."""
    return Delivery("withheld", reason, "answer", trouble=Trouble("channel", at_once, "answer", reason))


def in_doubt(reason: str) -> Delivery:
    """The gateway may have taken it."""
    return Delivery("unknown", reason, "answer")

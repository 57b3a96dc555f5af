"""What a robot's answer says about the message, by status and `errcode`."""

from __future__ import annotations

from typing import Any

import orjson

from messaging.channels.protocol import Delivery, Trouble

INVALID_KEY = 93000
"""There is no such robot, or not any more."""
_OF_THE_MESSAGE = frozenset({40008, 40058, 44004, 45002})
"""Kind of message unknown, a field invalid, no content, too long: the same message is never taken."""
_NOT_NOW = frozenset({429, 503})


def delivery_of(status: int, body: bytes) -> Delivery:
    """What is known of a message that was answered like this.

    Only the documented answer (200 with `errcode`) and a plain refusal say what became of it; all else is unknown.
    """
    if status in _NOT_NOW:
        trouble = Trouble("address", True, "answer", f"http_{status}")
        return Delivery("withheld", f"http_{status}", "answer", trouble=trouble)
    if status >= 500:
        return Delivery("unknown", f"http_{status}", "answer")
    if status != 200:  # a redirect, which is not followed, or a request that is not understood
        return Delivery("later", f"http_{status}", "answer")
    code = _errcode(body)
    if code is None:
        return Delivery("unknown", "answer_not_understood", "answer")
    if code == 0:
        return Delivery("accepted")
    reason = f"chat_{code}"
    if code == INVALID_KEY:
        return Delivery("refused", reason, "answer", address_bad=True)
    if code in _OF_THE_MESSAGE:
        return Delivery("refused", reason, "answer")
    return Delivery("later", reason, "answer")  # 45009, more than 20 messages a minute; -1, busy; any other


def _errcode(body: bytes) -> int | None:
    try:
        answer: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    code = answer.get("errcode") if isinstance(answer, dict) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None

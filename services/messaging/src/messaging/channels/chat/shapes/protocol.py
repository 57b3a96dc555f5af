"""What the form of a robot's messages says: the request, and what its answer means."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol

import orjson

from messaging.channels.chat.settings import ChatSettings
from messaging.channels.handing_over import Asked
from messaging.channels.protocol import Delivery, Trouble

_NOT_NOW = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Said:
    """A text for one robot. The URL holds the robot's key, so it is shown nowhere. `at`: of the signature."""

    url: str = field(repr=False)
    content: str
    message_id: str = ""
    shop: str = ""
    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)


class Shape(Protocol):
    """The form of one vendor's robots."""

    longest: ClassVar[int]
    """Bytes of UTF-8 that the robot takes as a text."""

    @staticmethod
    def asked(said: Said, settings: ChatSettings) -> Asked:
        """The request."""

    @staticmethod
    def delivery_of(status: int, body: bytes) -> Delivery:
        """What is known of a message that was answered like this."""


def plainly_refused(status: int) -> Delivery | None:
    """What a status alone says; None where the body is to be read, which of 2xx alone it is."""
    if status in _NOT_NOW:
        trouble = Trouble("address", True, "answer", f"http_{status}")
        return Delivery("withheld", f"http_{status}", "answer", trouble=trouble)
    if status >= 500:
        return Delivery("unknown", f"http_{status}", "answer")
    if not 200 <= status < 300:  # a redirect, which is not followed, or a request that is not understood
        return Delivery("later", f"http_{status}", "answer")
    return None


def errcode(body: bytes) -> int | None:
    """The number in the answer's field `errcode`; None where there is none."""
    try:
        answer: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    code = answer.get("errcode") if isinstance(answer, dict) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def of_errcode(status: int, body: bytes, gone: frozenset[int], of_the_message: frozenset[int]) -> Delivery:
    """The answer of a robot that says 200 with `errcode`; all else is unknown.

    0: accepted. `gone`: there is no such robot. `of_the_message`: the same is never taken. Any other code is for now.
    """
    plain = plainly_refused(status)
    if plain is not None:
        return plain
    code = errcode(body) if status == 200 else None
    if code is None:
        return Delivery("unknown", "answer_not_understood", "answer")
    if code == 0:
        return Delivery("accepted")
    reason = f"chat_{code}"
    if code in gone:
        return Delivery("refused", reason, "answer", address_bad=True)
    return Delivery("refused" if code in of_the_message else "later", reason, "answer")

"""Signs of interest, as they are counted by customer and day; and what the way to an order comes to."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

Kind = Literal["view", "panel", "chat"]
KINDS: tuple[Kind, ...] = ("view", "panel", "chat")


class Sign(NamedTuple):
    """One sign at an instant (UTC): `what` is a SKU that was viewed, or the order that a chat was about, '' unknown.

    A chat's instant is its start, and `seconds` how long it took.
    """

    at: datetime
    kind: Kind
    what: str = ""
    seconds: int = 0


class Figures(NamedTuple):
    """As in `order.journey_measured`."""

    silent: bool
    decision_seconds: int | None
    compared_items: int
    reviews_viewed: int
    chats: int
    chat_seconds: int

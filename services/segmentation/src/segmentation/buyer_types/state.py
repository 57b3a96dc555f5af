"""What is kept of a customer's type and taste, and when the date alone may change it."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from common.events.segments import BuyerType, Confidence


class Kept(NamedTuple):
    """`rising`, `falling`: categories, those with most units first."""

    type: BuyerType | None
    confidence: Confidence
    rising: tuple[str, ...]
    falling: tuple[str, ...]


UNTYPED = Kept(None, "low", (), ())


class Found(NamedTuple):
    """As things stand; `turns`: the next date on which the date alone may change it, None: none."""

    kept: Kept
    turns: date | None

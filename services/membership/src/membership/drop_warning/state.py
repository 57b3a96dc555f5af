"""Whether a member was warned in the present term, and what was missing then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar, NamedTuple

from membership.member import PartState


class Missing(NamedTuple):
    """What is missing to keep the tier, by each way that it is reached; None: not that way. Spend in minor units."""

    spend: int | None
    orders: int | None
    growth: int | None
    points: int | None


@dataclass(slots=True)
class DropWarning(PartState):
    """`looked`: last day of the term whose end was looked at; `missing`: what was missing then, None: nothing."""

    NAME: ClassVar[str] = "drop_warning"
    looked: date | None = None
    missing: Missing | None = None

"""How many years of membership have been counted, and when the next one is full."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from membership.member import PartState


@dataclass(slots=True)
class Tenure(PartState):
    """`next`: when the year after `years` is full; None: no member, or no version of the programme gives anything."""

    NAME: ClassVar[str] = "tenure"
    years: int = 0
    next: datetime | None = None

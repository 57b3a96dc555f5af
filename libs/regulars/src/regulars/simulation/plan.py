"""What is to be simulated: the same plan makes the same customers, events and truth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from regulars.simulation.kinds import KINDS, Kind


@dataclass(frozen=True, slots=True)
class Plan:
    """`customers` first order within `acquired_days` of the start (None: within all of `days`, which end at `end`)."""

    shop: str
    kind_name: str
    customers: int
    end: datetime
    days: int
    seed: int
    acquired_days: int | None = None

    @property
    def kind(self) -> Kind:
        return KINDS[self.kind_name]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.kind.zone)

    @property
    def start(self) -> datetime:
        return self.end - timedelta(days=self.days)

    def customer(self, number: int) -> str:
        """The identifier of the n-th customer; simulations of other seeds have others."""
        return f"sim{self.seed}-{number:07d}"

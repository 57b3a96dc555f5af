"""An erasure as far as it is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from common.events.topics import SERVICES

HERE = "orders-ingest"
Because = Literal["asked", "retention"]
"""Somebody asked for it; or the shop keeps customers no longer than so many months."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A service has removed all that was personal; `kept`: by table, rows that still name an identifier."""

    service: str
    at: datetime
    kept: dict[str, int]


@dataclass(frozen=True, slots=True)
class Report:
    """The erasure of one person: all identifiers, why, what was removed here, and which services have confirmed all."""

    person: str
    people: list[str]
    asked_at: datetime
    because: Because
    removed: dict[str, int]
    confirmed: list[Confirmation]

    @property
    def waiting_for(self) -> list[str]:
        """The services that have not confirmed for every identifier yet."""
        done = {each.service for each in self.confirmed}
        return [service for service in SERVICES if service not in done]

    @property
    def completed_at(self) -> datetime | None:
        """When the last service confirmed; None while any has not."""
        return None if self.waiting_for else max(each.at for each in self.confirmed)

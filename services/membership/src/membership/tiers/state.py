"""Membership itself: since when a customer is a member, and the tier held with its term."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar

from membership.member import PartState
from membership.programme.programme import Programme


@dataclass(frozen=True, slots=True)
class Standing:
    """The tier held, by its id (empty: no member), and its term: first day, last day, last day of grace.

    `anchor` is the day of the month on which terms end, as far as the month has it. `due` is when the standing is
    looked at next: the review, or in grace the downgrade. `ladder` is when the ladder that the id is of took force;
    None: the first one. `candidate`: the tier for which a campaign has qualified the member, to be granted by hand.
    """

    tier: str = ""
    since: date | None = None
    until: date | None = None
    grace: date | None = None
    due: datetime | None = None
    anchor: int = 0
    ladder: datetime | None = None
    candidate: str = ""


@dataclass(slots=True)
class Tiers(PartState):
    """`enrolled`: when the customer became a member; None: is none."""

    NAME: ClassVar[str] = "tiers"
    enrolled: datetime | None = None
    standing: Standing = field(default_factory=Standing)

    def earns(self, programme: Programme) -> bool:
        """Whether what the customer does earns anything: before enrolment only where the first order enrols."""
        return self.enrolled is not None or programme.enrolment == "first_order"

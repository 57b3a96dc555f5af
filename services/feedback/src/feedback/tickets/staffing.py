"""At which hours of the week customers write, and where nobody was there to answer in time; pure (FBK-035)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from feedback.tickets.service_hours import ServiceHours

FEW = 5
"""Fewer tickets of an hour of the week say nothing of its staff."""
LATE_PER_MILLE = 200


class HourOfWeek(NamedTuple):
    """Tickets opened in one hour of the week, 1 is Monday; `late`: their first answer came after its due, or has not
    come though that passed. `answer_s`: the median of seconds until it came."""

    weekday: int
    hour: int
    opened: int
    late: int
    answer_s: float | None


@dataclass(frozen=True, slots=True)
class Staffed:
    """`served`: some of the hour lies within the service hours. `gap`: more staff are wanted, or longer hours."""

    of: HourOfWeek
    served: bool

    @property
    def gap(self) -> bool:
        """Enough customers write, and nobody is there or too many are answered late."""
        return self.of.opened >= FEW and (not self.served or 1_000 * self.of.late >= LATE_PER_MILLE * self.of.opened)


def staffed(found: Sequence[HourOfWeek], hours: ServiceHours) -> list[Staffed]:
    return [Staffed(one, _is_served(one, hours)) for one in found]


def _is_served(one: HourOfWeek, hours: ServiceHours) -> bool:
    if hours.always:
        return True
    monday = datetime.min  # of the year 1, which was one
    begins = monday + timedelta(hours=one.hour)
    opens, closes = (datetime.combine(monday, of_day) for of_day in (hours.opens, hours.closes))
    return one.weekday in hours.days and opens < begins + timedelta(hours=1) and begins < closes

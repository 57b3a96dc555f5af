"""Uses of a member's benefits: how many each month, and the uses of each order (MEM-033)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar, Literal, NamedTuple

from common.time.calendar import add_months
from membership.member import PartState, Share

UseStatus = Literal["reserved", "committed", "released"]
_KEPT_MONTHS = 25
"""The longest period is a year, and what is carried over looks at the one before."""


@dataclass(slots=True)
class Use:
    """One use; `day` lies in the period in which it counts. `times`: how often it was reserved, releases in between."""

    day: date = date.min
    status: UseStatus = "reserved"
    times: int = 1


@dataclass(slots=True)
class OrderUses:
    """The uses on an order, or on a booking of that id, by kind of benefit."""

    uses: dict[str, Use] = field(default_factory=dict)


@dataclass(slots=True)
class Benefits(PartState):
    """`used`: uses that stand (reserved or committed), by `<kind>@<year>-<month>`, of the last two years.

    `standing`: all uses that stand, ever; `committed`: those of them that are committed.
    """

    NAME: ClassVar[str] = "benefits"
    used: dict[str, int] = field(default_factory=dict)
    standing: int = 0
    committed: int = 0

    def count(self, kind: str, day: date, uses: int) -> None:
        """One use more, or less; months that no period looks at any more are forgotten."""
        month = _month(kind, day)
        self.used[month] = self.used.get(month, 0) + uses
        if self.used[month] <= 0:
            del self.used[month]
        self.standing += uses
        if uses > 0:
            oldest = f"{add_months(day, -_KEPT_MONTHS):%Y-%m}"
            self.used = {name: n for name, n in sorted(self.used.items()) if name.rpartition("@")[2] >= oldest}

    def used_in(self, kind: str, first: date, months: int) -> int:
        """Uses that stand in the `months` calendar months from the first of a month on."""
        return sum(self.used.get(_month(kind, add_months(first, n)), 0) for n in range(months))


def _month(kind: str, day: date) -> str:
    return f"{kind}@{day:%Y-%m}"


class UseChange(NamedTuple):
    """What an input did to one use."""

    kind: str
    order_id: str
    status: UseStatus


ORDER_USES = Share("order", "uses", OrderUses)
"""Of each order on which a benefit was used, by its id."""

"""Benefits with a quota: reserved, used, given back."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

from common.events.envelope import EventData
from common.events.fields import Identifier, Number, Text
from common.events.membership.members import MembershipFact


class BenefitUsed(MembershipFact):
    """A use of a benefit was reserved, committed (its order was shipped or completed) or released (MEM-033).

    `uses`: all ever reserved and not released; `committed`: those of them that were committed. `benefit`,
    `order_id` and `status` are None where late news changed the figures.
    """

    TYPE: ClassVar[str] = "benefit.used"
    HOW: ClassVar[tuple[str, ...]] = ("benefit", "order_id", "status")
    benefit: Text | None = None
    order_id: Identifier | None = None
    status: Literal["reserved", "committed", "released"] | None = None
    uses: Number
    committed: Number


class BenefitCommand(EventData):
    """An accepted command about the use of a benefit on an order, or on a booking of that id (MEM-033)."""

    TOPIC: ClassVar[str] = "membership"
    benefit: Text
    order_id: Identifier


class BenefitReserved(BenefitCommand):
    """The use was promised, and late news never takes it back; it counts in the period that holds `day`."""

    TYPE: ClassVar[str] = "benefit.reserved"
    RANK: ClassVar[int] = 240
    day: date


class BenefitCommitted(BenefitCommand):
    """The order was shipped, or the booking taken up: the use is for good."""

    TYPE: ClassVar[str] = "benefit.committed"
    RANK: ClassVar[int] = 241


class BenefitReleased(BenefitCommand):
    """The use is given back before it was committed."""

    TYPE: ClassVar[str] = "benefit.released"
    RANK: ClassVar[int] = 242

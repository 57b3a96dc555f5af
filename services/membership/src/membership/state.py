"""What is remembered of a member: orders, lots, redemptions, deeds, the standing.

Stored as JSON without what equals its default, so a field added later needs a default that says "as before".
The parts are plain dataclasses because they are written to many times an event, which pydantic makes slow.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from common.events.standing import OrderStanding

FINE = 1000
"""Spend is summed in thousandths of the currency unit."""
RedemptionStatus = Literal["reserved", "committed", "returned"]


@dataclass(slots=True)
class Order(OrderStanding):
    """An order, or the refund that came before it. Amounts in minor units; `unit` of them are 1.00.

    `unit` 0: paid in another currency than the shop's, so it counts as an order and its amount for nothing.
    `factor` is points per 1.00 in basis points, fixed when paid; None until then, 0 when nothing is earned.
    `held` is what the order's points come to after refunds, `expired` what of them expired unspent and no refund has
    taken yet. `rate` is growth per 1.00, fixed when completed, `growth` what the order holds of it after refunds.
    """

    unit: int = 100
    factor: int | None = None
    held: int = 0
    expired: int = 0
    paid_at: datetime | None = None
    completed_at: datetime | None = None
    redemptions: tuple[str, ...] = ()
    rate: int = 1
    growth: int = 0

    @property
    def spend(self) -> int:
        """What remains paid, in thousandths of the currency unit: every exponent in use fits without rounding."""
        return self.net * FINE // self.unit if self.unit else 0


@dataclass(slots=True)
class Lot:
    """Points that came together and expire together; `since` is when they became available."""

    pending: int = 0
    available: int = 0
    expires: datetime | None = None
    since: datetime | None = None


@dataclass(slots=True)
class Burn:
    """Points of one lot spent on a redemption and not given back, with what the lot was then.

    Lot "" was missing when late news had taken points already promised, and became debt; "!" was forgiven.
    """

    lot: str
    points: int
    expires: datetime | None = None
    since: datetime | None = None


@dataclass(slots=True)
class Redemption:
    """`committed` when its order is paid; `returned` points are back, all of them since `ended`."""

    points: int
    burns: list[Burn]
    returned: int = 0
    committed: bool = False
    ended: datetime | None = None

    @property
    def status(self) -> RedemptionStatus:
        return "returned" if self.returned == self.points else "committed" if self.committed else "reserved"


@dataclass(slots=True)
class Deed:
    """Something other than an order that earned growth: a review, an activity, a referral, a check-in."""

    at: datetime
    growth: int = 0


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A refund of no known order, in thousandths of the shop's currency: it lessens the spend at its own time."""

    at: datetime
    spend: int


@dataclass(frozen=True, slots=True)
class Standing:
    """The tier held, by its id (empty: no member), and its term: first day, last day, last day of grace.

    `anchor` is the day of the month on which terms end, as far as the month has it. `due` is when the standing is
    looked at next: the review, or in grace the downgrade. `ladder` is when the ladder that the id is of took force;
    None: the first one.
    """

    tier: str = ""
    since: date | None = None
    until: date | None = None
    grace: date | None = None
    due: datetime | None = None
    anchor: int = 0
    ladder: datetime | None = None


class MemberState(BaseModel):
    """A customer as membership knows it. `debt` is what a clawback did not find, as a positive number.

    `issued` to `reversed` are the shop's side of the points ledger, with their sign there. `deeds` are by origin, as in
    GrowthChanged; `growth` is the growth value, of which orders and deeds hold the parts. `unmatched` is by refund id.
    """

    __slots__ = ("_history", "_lots")  # kept in memory while a customer is folded, made anew from what is stored

    shop: str = ""
    enrolled: datetime | None = None
    standing: Standing = Field(default_factory=Standing)
    orders: dict[str, Order] = Field(default_factory=dict)
    lots: dict[str, Lot] = Field(default_factory=dict)
    redemptions: dict[str, Redemption] = Field(default_factory=dict)
    pending: int = 0
    available: int = 0
    debt: int = 0
    issued: int = 0
    redeemed: int = 0
    expired: int = 0
    reversed: int = 0
    deeds: dict[str, Deed] = Field(default_factory=dict)
    unmatched: dict[str, Unmatched] = Field(default_factory=dict)
    growth: int = 0

    if not TYPE_CHECKING:
        # Pydantic keeps a record of which fields were set; nobody reads it here, and keeping it is slow.
        __setattr__ = object.__setattr__

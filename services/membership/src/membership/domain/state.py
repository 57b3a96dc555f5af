"""What must be remembered of a member? As little as the next event, refund or due date can ask for.

Stored as JSON without what equals its default, so a field added later needs a default that says "as before".
The parts are plain dataclasses because they are written to many times an event, which pydantic makes slow.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field


@dataclass(slots=True)
class Order:
    """An order, or the refund that came before it. Amounts in minor units; `unit` of them are 1.00.

    `unit` 0: paid in another currency than the shop's, so it counts as an order and its amount for nothing.
    `factor` is points per 1.00 in basis points, fixed when paid; None until then, 0 when nothing is earned.
    `held` is what the order's points come to after refunds. `rate` is growth per 1.00, fixed when completed, and
    `growth` what the order holds of it after refunds.
    """

    goods: int = 0
    unit: int = 100
    refunded: int = 0
    revision: int = -1
    factor: int | None = None
    held: int = 0
    completed: datetime | None = None
    closed: bool = False
    redemptions: tuple[str, ...] = ()
    rate: int = 1
    growth: int = 0

    @property
    def undone(self) -> bool:
        """Closed, or refunded whole: it counts for nothing."""
        return self.closed or (self.refunded > 0 and self.refunded >= self.goods)

    @property
    def net(self) -> int:
        """What remains paid; never below 0."""
        return 0 if self.closed else max(0, self.goods - self.refunded)


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
    points: int
    burns: list[Burn]
    returned: int = 0


@dataclass(slots=True)
class Deed:
    """Something other than an order that earned growth: a review, an activity, a referral, a check-in."""

    at: datetime
    growth: int = 0


@dataclass(slots=True)
class Standing:
    """The tier held, as a level (0 the lowest), and its term: first day, last day, last day of grace.

    `due` is when the standing is looked at next: the review, or in grace the downgrade.
    """

    level: int = 0
    since: date | None = None
    until: date | None = None
    grace: date | None = None
    due: datetime | None = None


class MemberState(BaseModel):
    """A customer as membership knows it. `debt` is what a clawback did not find, as a positive number.

    `issued` to `reversed` are the shop's side of the points ledger, with their sign there. `deeds` are by origin, as in
    GrowthChanged; `growth` is the growth value, of which orders and deeds hold the parts.
    """

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
    growth: int = 0

    if not TYPE_CHECKING:
        # Pydantic keeps a record of which fields were set; nobody reads it here, and keeping it is slow.
        __setattr__ = object.__setattr__

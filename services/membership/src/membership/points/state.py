"""A member's points: lots, what orders earned, what redemptions burnt, and the balances."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal, NamedTuple

from membership.member import PartState, Share

RedemptionStatus = Literal["reserved", "committed", "returned"]


@dataclass(slots=True)
class OrderPoints:
    """`factor` is points per 1.00 in basis points, fixed when the order is paid; None until then, 0: it earns nothing.

    `held` is what the order's points come to after refunds, `pending` what of them are not available yet, `expired`
    what of them expired unspent and no refund has taken yet. `redemptions` were made on the order. `bonus` is what it
    earns besides, as the n-th order, and `nth` which one that is.
    """

    factor: int | None = None
    held: int = 0
    pending: int = 0
    expired: int = 0
    redemptions: tuple[str, ...] = ()
    bonus: int = 0
    nth: int = 0


@dataclass(slots=True)
class Lot:
    """Available points that came together and expire together; `since` is when they became available."""

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
    """`paid_by`: the order that committed it by being paid; `returned` points are back, all of them since `ended`."""

    points: int = 0
    burns: list[Burn] = field(default_factory=list)
    returned: int = 0
    paid_by: str | None = None
    ended: datetime | None = None

    @property
    def status(self) -> RedemptionStatus:
        return "returned" if self.returned == self.points else "committed" if self.paid_by is not None else "reserved"


class RedemptionRow(NamedTuple):
    """The state of a redemption, as the table of redemptions keeps it."""

    redemption_id: str
    status: RedemptionStatus
    returned: int
    ended: datetime | None

    @classmethod
    def of(cls, name: str, redemption: Redemption) -> RedemptionRow:
        return cls(name, redemption.status, redemption.returned, redemption.ended)


@dataclass(slots=True)
class Points(PartState):
    """`debt` is what a clawback did not find, as a positive number; `next_expiry` that of the lot that expires first.

    `issued` to `reversed` are the shop's side of the ledger, with their sign there. `nth_rewarded`: the highest count
    of completed orders for which a bonus stands, so that an order taken back and another placed earn it once.
    `warn_days` before the next expiry it is told; `warned_for` is the expiry last looked at, `warned_points` what was
    told to expire then (0: nothing).
    """

    NAME: ClassVar[str] = "points"
    next_expiry: datetime | None = None
    pending: int = 0
    available: int = 0
    debt: int = 0
    issued: int = 0
    redeemed: int = 0
    expired: int = 0
    reversed: int = 0
    nth_rewarded: int = 0
    warn_days: int = 0
    warned_for: datetime | None = None
    warned_points: int = 0


ORDER_POINTS = Share("order", "points", OrderPoints)
"""Of each order, by its id."""
LOT = Share("lot", "lot", Lot)
"""Each lot by its name: that of the order which earned it, or `|` and what else did."""
REDEMPTION = Share("redemption", "redemption", Redemption)
"""Each redemption by its id."""

"""A member's points: lots, what orders earned, what redemptions burnt, and the balances."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal, NamedTuple

from membership.member import PartState

RedemptionStatus = Literal["reserved", "committed", "returned"]


@dataclass(slots=True)
class OrderPoints:
    """`factor` is points per 1.00 in basis points, fixed when the order is paid; None until then, 0: it earns nothing.

    `held` is what the order's points come to after refunds, `expired` what of them expired unspent and no refund has
    taken yet. `redemptions` were made on the order.
    """

    factor: int | None = None
    held: int = 0
    expired: int = 0
    redemptions: tuple[str, ...] = ()


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
    """`debt` is what a clawback did not find, as a positive number; `orders` and `redemptions` are by id.

    `issued` to `reversed` are the shop's side of the ledger, with their sign there.
    """

    NAME: ClassVar[str] = "points"
    orders: dict[str, OrderPoints] = field(default_factory=dict)
    lots: dict[str, Lot] = field(default_factory=dict)
    redemptions: dict[str, Redemption] = field(default_factory=dict)
    pending: int = 0
    available: int = 0
    debt: int = 0
    issued: int = 0
    redeemed: int = 0
    expired: int = 0
    reversed: int = 0

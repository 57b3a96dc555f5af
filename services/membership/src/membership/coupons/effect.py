"""What a batch of coupons brought beside those whom it left out (ANA-032, ANA-036, ANA-037); pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from common.values.shares import newcombe

Reason = Literal["no_hold_out", "nobody_issued"]
"""Why there is no effect to tell: nobody was left out, or everybody was."""


class Bought(NamedTuple):
    """Orders of one person within the days that are looked at; `spend` less refunds, minor units."""

    orders: int
    spend: int


class Group(NamedTuple):
    """`customers` of the batch, of whom `looked_at` were drawn; `buyers` of these have ordered."""

    customers: int
    looked_at: int
    buyers: int
    orders: int
    spend: int

    @classmethod
    def of(cls, customers: int, bought: Iterable[Bought]) -> Group:
        found = list(bought)
        buyers = sum(one.orders > 0 for one in found)
        return cls(customers, len(found), buyers, sum(one.orders for one in found), sum(one.spend for one in found))

    @property
    def share(self) -> float | None:
        """Of those who were looked at, who have ordered."""
        return self.buyers / self.looked_at if self.looked_at else None

    @property
    def order_value(self) -> int | None:
        """Spent by order, minor units (ANA-036)."""
        return self.spend // self.orders if self.orders else None

    @property
    def spend_each(self) -> int | None:
        """Spent by customer, buyer or not, minor units."""
        return self.spend // self.looked_at if self.looked_at else None


class Effect(NamedTuple):
    """`difference` of the shares who ordered, with its 95 % interval; `certain`: the interval leaves 0 out.

    `extra_orders`: orders that would not have come, of all with a coupon, by what each group ordered by head;
    `cost_per_extra`: taken off by each of them, minor units; None where none came.
    """

    reason: Reason | None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    certain: bool = False
    extra_orders: int | None = None
    cost_per_extra: int | None = None


def effect_of(issued: Group, held_out: Group, taken_off: int) -> Effect:
    if not held_out.looked_at:
        return Effect("no_hold_out")
    if not issued.looked_at:
        return Effect("nobody_issued")
    ours, theirs = (issued.buyers, issued.looked_at), (held_out.buyers, held_out.looked_at)
    low, high = newcombe(ours, theirs)
    # By head, in whole numbers: orders x customers / looked at, less what as many left out would have ordered.
    scale = issued.looked_at * held_out.looked_at
    extra = (issued.customers * (issued.orders * held_out.looked_at - held_out.orders * issued.looked_at)) // scale
    return Effect(
        reason=None,
        difference=ours[0] / ours[1] - theirs[0] / theirs[1],
        low=low,
        high=high,
        certain=low > 0 or high < 0,
        extra_orders=extra,
        cost_per_extra=taken_off // extra if extra > 0 else None,
    )

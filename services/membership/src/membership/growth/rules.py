"""The growth value and its ledger: what raises and lowers it. Orders, reviews, activities, check-ins (MEM-016).

A ledger of its own beside the points': `growth` is the member's, by what earned it; `granted` is the shop's side.
Growth is never spent and never expires; what an order earned goes when the order is refunded (MEM-053).
"""

from __future__ import annotations

from dataclasses import dataclass

from membership.orders.history import History
from membership.points.books import Balances, Leg, legs_of
from membership.state import Deed, MemberState, Order


@dataclass(frozen=True, slots=True)
class GrowthPosting:
    """The legs of one cause in the growth ledger; they sum to zero."""

    legs: tuple[Leg, ...]


class Journal:
    """The member's growth value while one cause is at work, and the legs it makes."""

    def __init__(self, state: MemberState) -> None:
        self.state = state
        self.origin: str | None = None
        self._legs: Balances = {}

    def settle(self, order_id: str) -> None:
        """Bring what the order holds to what it has earned; cumulative, so refunds in parts never take too much."""
        order = self.state.orders[order_id]
        change = earned(order) - order.growth
        order.growth += change
        self._grow(f"order/{order_id}", change)

    def add(self, origin: str, deed: Deed) -> None:
        """Something but an order earned growth."""
        History.of(self.state).append(deed.at, deed)
        self.state.deeds[origin] = deed
        self._grow(origin, deed.growth)

    def _grow(self, origin: str, amount: int) -> None:
        if amount:
            self.origin = origin
            self.state.growth += amount
            self._legs["growth", origin] = self._legs.get(("growth", origin), 0) + amount
            self._legs["granted", ""] = self._legs.get(("granted", ""), 0) - amount

    def close(self) -> GrowthPosting | None:
        """The legs; None when nothing moved."""
        legs = legs_of(self._legs)
        return GrowthPosting(legs) if legs else None


def earned(order: Order) -> int:
    """floor(what remains paid for goods x growth per 1.00), once completed; whatever the tier (defaults.md)."""
    if order.completed_at is None or not order.unit:
        return 0
    return order.net * order.rate // order.unit


def balances(state: MemberState) -> Balances:
    """Every balance of growth other than zero: what the sums of the growth ledger must be."""
    found: Balances = {("growth", f"order/{name}"): order.growth for name, order in state.orders.items()}
    found.update({("growth", origin): deed.growth for origin, deed in state.deeds.items()})
    found["granted", ""] = -sum(found.values())
    return {key: amount for key, amount in found.items() if amount}

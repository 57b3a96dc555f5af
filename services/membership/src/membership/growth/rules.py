"""What earns growth, and what the growth ledger must come to."""

from __future__ import annotations

from membership.growth.state import Growth
from membership.ledger.legs import Balances
from membership.orders.state import Order


def earned(order: Order, rate: int) -> int:
    """floor(what remains paid for goods x growth per 1.00), once completed; whatever the tier."""
    if order.completed_at is None or not order.unit:
        return 0
    return order.net * rate // order.unit


def balances(growth: Growth) -> Balances:
    """Every balance of growth other than zero: what the sums of the growth ledger must be."""
    found: Balances = {("growth", f"order/{name}"): held for name, held in growth.orders.items()}
    found.update({("growth", origin): activity.growth for origin, activity in growth.activities.items()})
    found["granted", ""] = -sum(found.values())
    return {key: amount for key, amount in found.items() if amount}

"""What earns growth, and what the growth ledger must come to."""

from __future__ import annotations

from collections.abc import Mapping

from membership.ledger.legs import Balances
from membership.orders.state import Order


def earned(order: Order, rate: int) -> int:
    """floor(what remains paid for goods x growth per 1.00), once completed; whatever the tier."""
    if order.completed_at is None or not order.unit:
        return 0
    return order.net * rate // order.unit


def balances(by_origin: Mapping[str, int]) -> Balances:
    """Every balance of growth other than zero: what the sums of the growth ledger must be."""
    found: Balances = {("growth", origin): amount for origin, amount in by_origin.items()}
    found["granted", ""] = -sum(found.values())
    return {key: amount for key, amount in found.items() if amount}

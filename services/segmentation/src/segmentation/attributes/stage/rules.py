"""Rules of the stage: prospect, new, returning, and repurchaser beside it (SEG-001 to SEG-004, C-1, T-4.18)."""

from __future__ import annotations

from typing import Any

from common.events.activity import Activity
from common.events.orders import OrderEvent, OrderRefunded
from common.events.segments import Stage
from common.values.plurals import counted


def shows_interest(data: Any) -> bool:
    """Whether the input says that the customer browsed, inquired or ordered, and not merely registered (SEG-002)."""
    return isinstance(data, Activity | OrderEvent | OrderRefunded)


def stage_after(stage: Stage | None, completed_orders: int, engaged: bool) -> Stage:
    """Stage after an input that `shows_interest` or does not.

    One completed order makes a returning customer, not two (SEG-003). A customer who has browsed stays `new` for good.
    """
    if completed_orders >= 1:
        return "returning"
    if engaged or stage in ("new", "returning"):
        return "new"
    return "prospect"


def is_repurchaser(completed_orders: int) -> bool:
    """Two successful transactions or more; a field of its own beside the stage (SEG-004, C-1)."""
    return completed_orders >= 2


def why(stage: Stage | None, completed_orders: int) -> str:
    """The reason for the stage in a sentence, for the shop's people."""
    if stage == "prospect":
        return "registered; has not browsed, inquired or bought"
    if stage == "new":
        return "browsed, inquired or ordered; no order has been confirmed"
    return f"{counted(completed_orders, 'completed order')}; one is enough to be returning"

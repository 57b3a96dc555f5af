"""At which stage is a customer, and did they buy again? (SEG-001 to SEG-004, C-1, T-4.18)"""

from __future__ import annotations

from common.events.segments import Stage


def stage_after(stage: Stage | None, completed_orders: int, engaged: bool) -> Stage:
    """Stage after an input; `engaged`: it was a visit, an inquiry or an order, not mere registration.

    One confirmed order makes a returning customer, not two (SEG-003). Who has browsed stays `new` for good.
    """
    if completed_orders >= 1:
        return "returning"
    if engaged or stage in ("new", "returning"):
        return "new"
    return "prospect"


def is_repurchaser(completed_orders: int) -> bool:
    """Two successful transactions or more; a field of its own beside the stage (SEG-004, C-1)."""
    return completed_orders >= 2

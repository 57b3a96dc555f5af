"""Why a checkout is not reserved, committed or voided."""

from __future__ import annotations

from common.refusals import Conflict, Invalid, NotFound


class UnknownCheckout(NotFound):
    def __init__(self, order_id: str) -> None:
        super().__init__("unknown_checkout", f"Nothing was reserved for the order {order_id!r}.")


class CheckoutDiffers(Conflict):
    def __init__(self, order_id: str) -> None:
        super().__init__(
            "checkout_differs",
            f"Another cart was reserved for the order {order_id!r}: void that one first, then reserve this.",
        )


class CheckoutEnded(Conflict):
    def __init__(self, order_id: str, status: str) -> None:
        super().__init__(
            "checkout_ended",
            f"The checkout of the order {order_id!r} is {status}: reserve the cart for an order with a new id.",
            state=status,
        )


class PriceChanged(Conflict):
    def __init__(self, expected: int, total: int) -> None:
        super().__init__(
            "price_changed", f"The total is {total} now, not {expected}: show it to the customer.", total=total
        )


class CodeRefused(Conflict):
    def __init__(self, code: str, reason: str) -> None:
        super().__init__("code_refused", f"The code {code!r} is not usable: {reason}.", code=code, reason=reason)


class PointsNeedMember(Invalid):
    def __init__(self) -> None:
        super().__init__("customer_needed", "Points are a member's: say which customer buys.")

"""Why points are not redeemed or not returned."""

from __future__ import annotations

from datetime import datetime

from common.refusals import Conflict, Invalid, NotFound
from common.values.plurals import counted


class UnknownRedemption(NotFound):
    def __init__(self, redemption_id: str) -> None:
        super().__init__("unknown_redemption", f"There is no redemption {redemption_id!r} in this shop.")


class RedemptionDiffers(Conflict):
    def __init__(self, redemption_id: str) -> None:
        super().__init__(
            "redemption_differs",
            f"The redemption {redemption_id!r} was accepted before with other contents: give this one a new id.",
        )


class InsufficientPoints(Conflict):
    def __init__(self, asked: int, available: int) -> None:
        super().__init__(
            "insufficient_points",
            f"{counted(asked, 'point')} asked for, {available} are available: redeem at most these.",
            available=available,
        )


class TooLargeShare(Invalid):
    def __init__(self, most: int) -> None:
        super().__init__(
            "too_large_share",
            f"Points pay only a part of an order over all its redemptions: at most {most} more of this one.",
            most=most,
        )


class WrongCurrency(Invalid):
    def __init__(self, given: str, shop: str) -> None:
        super().__init__(
            "wrong_currency",
            f"The order is in {given}, the shop's points are worth {shop}: convert the total.",
        )


class RedemptionEnded(Conflict):
    def __init__(self, redemption_id: str, at: datetime | None) -> None:
        super().__init__(
            "redemption_returned",
            f"The redemption {redemption_id!r} was made and its points have come back: give a new one a new id.",
            state="returned",
            returned_at=at,
        )


class OrderNotOpen(Conflict):
    def __init__(self, order_id: str, state: str) -> None:
        super().__init__(
            "order_not_open",
            f"The order {order_id!r} is {state}: points are redeemed before an order is paid.",
            state=state,
        )


class OrderPaidAlready(Conflict):
    def __init__(self, order_id: str) -> None:
        super().__init__(
            "order_paid",
            f"The order {order_id!r} of this redemption is paid: refund or close it, and the points come back.",
        )

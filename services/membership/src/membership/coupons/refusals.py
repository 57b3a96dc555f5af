"""Why an offer is not set, or a coupon not issued or used."""

from __future__ import annotations

from datetime import datetime

from common.refusals import Conflict, Invalid, NotFound


class UnknownOffer(NotFound):
    def __init__(self, offer_id: str) -> None:
        super().__init__("unknown_offer", f"There is no offer {offer_id!r} in this shop.")


class UnknownBatch(NotFound):
    def __init__(self, offer_id: str, batch: str) -> None:
        super().__init__(
            "unknown_batch",
            f"No customer was issued a coupon of the batch {batch!r} of the offer {offer_id!r}, nor left out of it.",
        )


class OfferDiffers(Conflict):
    def __init__(self, offer_id: str) -> None:
        super().__init__(
            "offer_differs",
            f"The offer {offer_id!r} was set with other terms, which holders of its coupons keep: stop it, and set"
            " another one with a new id.",
        )


class OfferMakesNoSense(Invalid):
    def __init__(self, why: str) -> None:
        super().__init__("offer_refused", why)


class OfferOver(Conflict):
    def __init__(self, offer_id: str, at: datetime) -> None:
        super().__init__("offer_over", f"The offer {offer_id!r} is over since {at.isoformat()}.", ended_at=at)


class OfferInOtherCurrency(Conflict):
    """Its amounts are of a currency that the shop had before: its coupons would apply to nothing (0070)."""

    def __init__(self, offer_id: str, own: str, now: str) -> None:
        super().__init__(
            "other_currency",
            f"The amounts of the offer {offer_id!r} are in {own}, and the shop counts in {now}: set another offer.",
        )


class NoCouponsNeeded(Conflict):
    def __init__(self, offer_id: str) -> None:
        super().__init__("offer_automatic", f"The offer {offer_id!r} is automatic: it needs no coupons.")


class CodeTaken(Conflict):
    def __init__(self, code: str) -> None:
        super().__init__("code_taken", f"The code {code!r} is another coupon's: choose another one.")


class UnknownCoupon(NotFound):
    def __init__(self, code: str) -> None:
        super().__init__("unknown_coupon", f"There is no coupon {code!r} in this shop.")


class CouponNotUsable(Conflict):
    """`reason`: a slug of why, for programs."""

    def __init__(self, code: str, reason: str, says: str) -> None:
        super().__init__("coupon_not_usable", f"The coupon {code!r} {says}", reason=reason)


class CouponUseDiffers(Conflict):
    def __init__(self, code: str, order_id: str) -> None:
        super().__init__(
            "coupon_use_differs",
            f"The coupon {code!r} was reserved on the order {order_id!r} with another customer or amount:"
            " release it first.",
        )


class UnknownCouponUse(NotFound):
    def __init__(self, code: str, order_id: str) -> None:
        super().__init__("unknown_use", f"The coupon {code!r} was not used on the order {order_id!r}.")


class CouponUseEnded(Conflict):
    def __init__(self, code: str, order_id: str, status: str) -> None:
        super().__init__(
            "use_ended", f"The use of the coupon {code!r} on the order {order_id!r} is {status}.", state=status
        )

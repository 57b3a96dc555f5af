"""Whether a coupon may be used by a buyer now, and what an order's version makes of its uses (MEM-054)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

from common.values.plurals import counted
from membership.coupons.cart import Buyer
from membership.coupons.offer import Offer
from membership.coupons.refusals import CouponNotUsable
from membership.coupons.rules import is_for

UseStatus = Literal["reserved", "committed", "released", "over_limit"]
COUNTED = ("reserved", "committed")
"""A use in one of these counts towards limits and budget."""


class Moment(NamedTuple):
    """Now, and the calendar day of the shop that it lies in."""

    at: datetime
    day: date


def currency_of(offer: Offer, recorded_at: datetime, currency_at: Callable[[datetime], str]) -> str | None:
    """The currency of the offer's amounts: the shop's when it was set, or begins; None: it names no amount."""
    return currency_at(max(offer.starts, recorded_at)) if offer.in_money else None


def check_offer_currency(code: str, currency: str | None, now: str) -> None:
    """Raises CouponNotUsable: 500 yen off are not 5.00 euros off (0070)."""
    if currency not in (None, now):
        says = f"is of an offer whose amounts are in {currency}, and the shop counts in {now}: set another offer."
        raise CouponNotUsable(code, "other_currency", says)


def check_equal(coupon: Any, offer: Offer, *, equal_offers: bool) -> None:
    """Raises CouponNotUsable: set, or its code given out, before the programme forbade it (SEC-015). `coupon`: its row,
    with `for_all`."""
    if equal_offers and coupon.for_all and offer.for_the_new_alone:
        raise CouponNotUsable(coupon.code, "not_eligible", "is everybody's, and for the new alone.")


def check_usable(
    coupon: Any,
    offer: Offer,
    stopped_at: datetime | None,
    people: Sequence[str],
    buyer: Buyer,
    level: int,
    now: Moment,
) -> None:
    """Raises CouponNotUsable. `coupon`: its row; `level`: of the offer's `tier_from`, -1 for everybody.

    `people`: all identifiers of the customer, none where nobody is named.
    """
    code = coupon.code
    if coupon.voided_at is not None:
        raise CouponNotUsable(code, "voided", "was taken back.")
    if stopped_at is not None and stopped_at <= now.at:
        raise CouponNotUsable(code, "stopped", "is of an offer that was stopped.")
    if now.at < coupon.valid_from or now.at < offer.starts:
        raise CouponNotUsable(code, "not_yet", f"is valid from {max(coupon.valid_from, offer.starts).isoformat()} on.")
    if now.at >= coupon.valid_until:
        raise CouponNotUsable(code, "expired", f"was valid until {coupon.valid_until.isoformat()}.")
    if not offer.is_on(now.day):
        raise CouponNotUsable(code, "not_today", f"is for day {offer.day_of_month} of the month alone.")
    if coupon.customer is not None and coupon.customer not in people:
        raise CouponNotUsable(code, "not_theirs", "was issued to another customer.")
    if not is_for(offer, buyer, level):
        raise CouponNotUsable(code, "not_eligible", "is not for this customer: see the offer's tier and orders.")
    if (offer.per_customer is not None or offer.gift_series) and not people:
        raise CouponNotUsable(code, "customer_needed", "is counted by customer: say which one.")


def check_limits(coupon: Any, offer: Offer, row: Any, by_customer: int, amount: int) -> None:
    """Raises CouponNotUsable. `row`: the offer's; `by_customer`: uses of the offer by the customer that stand."""
    if coupon.use_limit is not None and coupon.uses >= coupon.use_limit:
        raise CouponNotUsable(coupon.code, "used", "is used already.")
    if offer.per_customer is not None and by_customer >= offer.per_customer:
        raise CouponNotUsable(
            coupon.code, "customer_limit", f"is for {counted(offer.per_customer, 'order')} of a customer."
        )
    if offer.use_limit is not None and row.uses >= offer.use_limit:
        raise CouponNotUsable(coupon.code, "sold_out", f"is of an offer whose {offer.use_limit} uses are gone.")
    if offer.budget is not None and row.spent + amount > offer.budget:
        raise CouponNotUsable(coupon.code, "budget", "is of an offer whose budget is used up.")


def refused_of_order(
    coupon: Any, offer: Any, amount: int, people: Collection[str], by_customer: int, placed: datetime, currency: str
) -> str | None:
    """Why an order that was placed then should not have used the coupon; None: it may. Both rows are locked.

    What a checkout would have refused, but for what only the fold of its moment knows (tier, number of orders). Of a
    guest's order nobody can count the uses; `by_customer`: those of the offer that stand without this one.
    `currency`: the shop's at the order's time.
    """
    if offer.currency not in (None, currency):
        return "other_currency"
    if coupon.voided_at is not None and coupon.voided_at <= placed:
        return "voided"
    if offer.stopped_at is not None and offer.stopped_at <= placed:
        return "stopped"
    if placed < offer.starts:
        return "not_yet"
    if placed >= coupon.valid_until:
        return "expired"
    if coupon.customer is not None and coupon.customer not in people:
        return "not_theirs"
    if coupon.use_limit is not None and coupon.uses >= coupon.use_limit:
        return "used"
    if offer.per_customer is not None and by_customer >= offer.per_customer:
        return "customer_limit"
    if offer.use_limit is not None and offer.uses >= offer.use_limit:
        return "sold_out"
    if offer.budget is not None and offer.spent + amount > offer.budget:
        return "budget"
    return None

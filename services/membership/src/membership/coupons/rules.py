"""What one offer takes off a cart, and whom it is for (MEM-057, MEM-058, MEM-067, MEM-072, MEM-073)."""

from __future__ import annotations

from collections.abc import Sequence

from membership.coupons.cart import Buyer, Cart, Line
from membership.coupons.offer import Offer
from membership.programme.programme import ONE


def concerns(offer: Offer, line: Line) -> bool:
    """Whether the line is among the goods that the offer names; it is where the offer names none."""
    if not (offer.skus or offer.categories or offer.marks):
        return True
    return line.sku in offer.skus or line.category in offer.categories or line.mark in offer.marks


def is_for(offer: Offer, buyer: Buyer, level_from: int) -> bool:
    """Whether the offer is for the buyer. `level_from`: the level of its `tier_from`, -1 where it names none."""
    if buyer.level < level_from or buyer.orders < offer.orders_from:
        return False
    return offer.orders_to is None or buyer.orders <= offer.orders_to


def taken_off(offer: Offer, spend: int, buyer: Buyer) -> int:
    """What it takes off goods of that amount: of several steps or rates the highest that is reached."""
    if not spend or spend < offer.minimum:
        return 0
    percent = offer.percent
    if offer.rates:
        percent = max((rate.percent for rate in offer.rates if buyer.orders >= rate.orders), default=0)
    if percent is not None:
        found = spend * percent // ONE
        return found if offer.most is None else min(found, offer.most)
    if offer.steps:
        return max((step.save for step in offer.steps if spend >= step.spend), default=0)
    return min(offer.amount or 0, spend)


def applies(offer: Offer, cart: Cart, amounts: Sequence[int], buyer: Buyer) -> bool:
    """Whether the cart reaches what the offer asks for, so that it gives something."""
    spend = sum(amount for line, amount in zip(cart.lines, amounts, strict=True) if concerns(offer, line))
    if spend < offer.minimum or not any(concerns(offer, line) for line in cart.lines):
        return False
    return bool(taken_off(offer, spend, buyer) or (offer.free_shipping and cart.freight) or offer.gifts)

"""Gifts with a purchase: samples only, related to the goods, never more of them than products (MEM-059 to 064)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from membership.coupons.cart import Candidate, Cart
from membership.coupons.offer import Gift, Offer
from membership.coupons.rules import concerns


def unrelated(offer: Offer, related: Mapping[str, Sequence[str]]) -> tuple[str, str | None] | None:
    """A category of goods and that of a gift which the shop says do not belong together; None: all do (MEM-060).

    `related`: by category of goods, the categories of gifts that go with it; a category it does not name takes any.
    """
    for category in offer.categories:
        for gift in offer.gifts:
            if category in related and gift.category not in related[category]:
                return category, gift.category
    return None


def with_next_gift(offer: Offer, given: Collection[str]) -> Offer:
    """The offer with the gifts that come now: of a series the first one that was not given yet, by its SKU (MEM-064).

    A series that is complete gives none.
    """
    if not offer.gift_series:
        return offer
    left = [gift for gift in offer.gifts if gift.sku not in given]
    return offer.model_copy(update={"gifts": tuple(left[:1])})


def gifts_of(cart: Cart, offers: Iterable[Candidate]) -> list[tuple[str, Gift]]:
    """The gifts of these offers, with their codes, as far as there are products for them (MEM-062).

    An offer is left out whole when its gifts would be more than the products that no other gift came for.
    """
    room = sum(line.quantity for line in cart.lines)
    found: list[tuple[str, Gift]] = []
    for candidate in offers:
        gifts = candidate.offer.gifts
        count = sum(gift.quantity for gift in gifts)
        if count <= room and any(concerns(candidate.offer, line) for line in cart.lines):
            found.extend((candidate.code, gift) for gift in gifts)
            room -= count
    return found


def too_many(gifts: Iterable[Gift], products: int) -> bool:
    """T-4.19: three gifts for two products are refused."""
    return sum(gift.quantity for gift in gifts) > products

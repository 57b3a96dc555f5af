"""The price of a cart for one buyer: tier price, shipping quota, best coupons, gifts, points; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from membership.coupons.cart import Buyer, Candidate, Cart, Price
from membership.coupons.combining import best_price, go_together
from membership.coupons.gifts import gifts_of
from membership.coupons.offer import Gift, Offer
from membership.coupons.rules import applies
from membership.programme.programme import ONE


class Open(NamedTuple):
    """A candidate whose limits bear another use. All coupons of one offer share what is left of it.

    `budget_left` in minor units and `uses_left`, for this customer, are of the offer; None: without bound.
    """

    candidate: Candidate
    offer_id: str = ""
    budget_left: int | None = None
    uses_left: int | None = None


class Quote(NamedTuple):
    """`listed`: goods at the shop's price. `by_quota`: one use of the shipping quota pays the freight.

    `gifts` by code of their offer; those of an offer that takes nothing off are in `gift_codes`. `beyond_budget`: codes
    whose offer's budget does not bear what they would take off; `beyond_uses`: codes for which its uses do not suffice.
    """

    listed: int
    price: Price
    by_quota: bool
    gifts: tuple[tuple[str, Gift], ...]
    gift_codes: tuple[str, ...]
    beyond_budget: tuple[str, ...]
    beyond_uses: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        return self.price.total


def quote(cart: Cart, buyer: Buyer, candidates: Sequence[Open], quota_left: int) -> Quote:
    """The best price. Where a use of the shipping quota is left it pays the freight, and no coupon is spent on that.

    Nor is the use, where the cart costs no more without it and spends no coupon more: shipping is free for everybody.
    """
    best = _with_quota(cart, buyer, candidates, quota_left)
    if not best.beyond_budget:
        return best
    # A rate that rises may be more than a budget bears, where the one of who is new is not (SEC-015).
    open_to = [each for each in candidates if not _is_past(each.candidate.offer, buyer)]
    as_new = _quote(cart, Buyer(), open_to, by_quota=False)
    return as_new if as_new.total < best.total else best


def _is_past(offer: Offer, buyer: Buyer) -> bool:
    """Whether the buyer has ordered too often for the offer."""
    return offer.orders_to is not None and buyer.orders > offer.orders_to


def _with_quota(cart: Cart, buyer: Buyer, candidates: Sequence[Open], quota_left: int) -> Quote:
    if not (quota_left and cart.freight):
        return _quote(cart, buyer, candidates, by_quota=False)
    spent = _quote(cart, buyer, candidates, by_quota=True)
    if not any(each.candidate.offer.free_shipping for each in candidates):
        return spent  # nothing else pays the freight, and the goods cost the same
    kept = _quote(cart, buyer, candidates, by_quota=False)
    costs_nothing = {
        each.candidate.code
        for each in candidates
        if each.candidate.offer.automatic and each.budget_left is None and each.uses_left is None
    }
    more = {each.code for each in kept.price.chosen} - {each.code for each in spent.price.chosen}
    return kept if kept.total <= spent.total and more <= costs_nothing else spent


def _quote(cart: Cart, buyer: Buyer, candidates: Sequence[Open], *, by_quota: bool) -> Quote:
    shipped = cart._replace(freight=0) if by_quota else cart
    left, beyond_uses = _within_uses(candidates)
    beyond = list[str]()
    price = best_price(shipped, buyer, [each.candidate for each in left])
    while over := _over_budget(price, left):
        beyond += [each.candidate.code for each in over]
        left = [each for each in left if each not in over]
        price = best_price(shipped, buyer, [each.candidate for each in left])
    gift_codes, giving = _giving(shipped, buyer, price, [each.candidate for each in left])
    return Quote(
        listed=sum(line.total for line in cart.lines),
        price=price,
        by_quota=by_quota,
        gifts=tuple(gifts_of(shipped, giving)),
        gift_codes=gift_codes,
        beyond_budget=tuple(beyond),
        beyond_uses=beyond_uses,
    )


def _within_uses(candidates: Sequence[Open]) -> tuple[list[Open], tuple[str, ...]]:
    """Of the coupons of each offer, which are all alike, as many as its uses suffice for; the codes of the others."""
    within, beyond, counted = list[Open](), list[str](), Counter[str]()
    for each in candidates:
        if each.uses_left is not None and counted[each.offer_id] >= each.uses_left:
            beyond.append(each.candidate.code)
            continue
        counted[each.offer_id] += 1
        within.append(each)
    return within, tuple(beyond)


def _over_budget(price: Price, left: Sequence[Open]) -> list[Open]:
    """Of each offer whose budget does not bear all that its coupons take off, the one that takes the least."""
    amounts = {each.code: each.goods + each.freight for each in price.chosen}
    of_offer: dict[str, list[Open]] = {}
    for each in left:
        if each.budget_left is not None and each.candidate.code in amounts:
            of_offer.setdefault(each.offer_id, []).append(each)
    return [
        min(some, key=lambda each: amounts[each.candidate.code])
        for some in of_offer.values()
        if sum(amounts[each.candidate.code] for each in some) > (some[0].budget_left or 0)
    ]


def _giving(
    cart: Cart, buyer: Buyer, price: Price, candidates: Sequence[Candidate]
) -> tuple[tuple[str, ...], list[Candidate]]:
    """The codes of offers that give gifts alone, as far as they go with the others; and all that give gifts."""
    chosen = {each.code for each in price.chosen}
    used = [candidate for candidate in candidates if candidate.code in chosen]
    # By the price that is used: a gift from so much on is not lost by having a tier's price, which was not taken.
    amounts = cart.amounts(buyer.price if price.by_tier else ONE)
    for candidate in sorted(candidates, key=lambda each: each.code):
        if candidate.code in chosen or not candidate.offer.gifts or candidate.offer.takes_off:
            continue
        if not applies(candidate.offer, cart, amounts, buyer) or not go_together([*used, candidate]):
            continue
        if gifts_of(cart, [*used, candidate])[-1:] and gifts_of(cart, [*used, candidate])[-1][0] == candidate.code:
            used.append(candidate)
    alone = tuple(candidate.code for candidate in used if candidate.code not in chosen)
    return alone, [candidate for candidate in used if candidate.offer.gifts]


def points_earned(goods: int, paid_with_points: int, factor: int, unit: int) -> int:
    """floor(paid for goods x factor), as an order will earn it; `factor` in basis points of points per 1.00."""
    return max(0, goods - paid_with_points) * factor // (ONE * unit)

"""The price of a cart for one buyer: tier price, shipping quota, best coupons, gifts, points; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from membership.coupons.cart import Buyer, Candidate, Cart, Price
from membership.coupons.combining import best_price, go_together
from membership.coupons.gifts import gifts_of
from membership.coupons.offer import Gift
from membership.coupons.rules import applies
from membership.programme.programme import ONE


class Open(NamedTuple):
    """A candidate whose limits bear another use; `budget_left` in minor units, None: without bound."""

    candidate: Candidate
    budget_left: int | None = None


class Quote(NamedTuple):
    """`listed`: goods at the shop's price. `by_quota`: one use of the shipping quota pays the freight.

    `gifts` by code of their offer; those of an offer that takes nothing off are in `gift_codes`. `beyond_budget`: codes
    whose budget does not bear what they would take off.
    """

    listed: int
    price: Price
    by_quota: bool
    gifts: tuple[tuple[str, Gift], ...]
    gift_codes: tuple[str, ...]
    beyond_budget: tuple[str, ...]

    @property
    def total(self) -> int:
        return self.price.total


def quote(cart: Cart, buyer: Buyer, candidates: Sequence[Open], quota_left: int) -> Quote:
    """The best price. Where a use of the shipping quota is left it pays the freight, and no coupon is spent on that."""
    by_quota = bool(quota_left and cart.freight)
    shipped = cart._replace(freight=0) if by_quota else cart
    left, beyond = {each.candidate: each.budget_left for each in candidates}, list[str]()
    price = best_price(shipped, buyer, left)
    while over := _over_budget(price, left):
        beyond += [candidate.code for candidate in over]
        for candidate in over:
            del left[candidate]
        price = best_price(shipped, buyer, left)
    gift_codes, giving = _giving(shipped, buyer, price, left)
    return Quote(
        listed=sum(line.total for line in cart.lines),
        price=price,
        by_quota=by_quota,
        gifts=tuple(gifts_of(shipped, giving)),
        gift_codes=gift_codes,
        beyond_budget=tuple(beyond),
    )


def _over_budget(price: Price, left: dict[Candidate, int | None]) -> list[Candidate]:
    amounts = {each.code: each.goods + each.freight for each in price.chosen}
    return [
        candidate
        for candidate, budget in left.items()
        if budget is not None and amounts.get(candidate.code, 0) > budget
    ]


def _giving(
    cart: Cart, buyer: Buyer, price: Price, candidates: dict[Candidate, int | None]
) -> tuple[tuple[str, ...], list[Candidate]]:
    """The codes of offers that give gifts alone, as far as they go with the others; and all that give gifts."""
    chosen = {each.code for each in price.chosen}
    used = [candidate for candidate in candidates if candidate.code in chosen]
    amounts = cart.amounts(buyer.price)
    for candidate in sorted(candidates, key=lambda each: each.code):
        if candidate.code in chosen or not candidate.offer.gifts or _takes_off(candidate):
            continue
        if not applies(candidate.offer, cart, amounts, buyer) or not go_together([*used, candidate]):
            continue
        if gifts_of(cart, [*used, candidate])[-1:] and gifts_of(cart, [*used, candidate])[-1][0] == candidate.code:
            used.append(candidate)
    alone = tuple(candidate.code for candidate in used if candidate.code not in chosen)
    return alone, [candidate for candidate in used if candidate.offer.gifts]


def _takes_off(candidate: Candidate) -> bool:
    offer = candidate.offer
    return bool(offer.percent or offer.rates or offer.amount or offer.steps or offer.free_shipping)


def points_earned(goods: int, paid_with_points: int, factor: int, unit: int) -> int:
    """floor(paid for goods x factor), as an order will earn it; `factor` in basis points of points per 1.00."""
    return max(0, goods - paid_with_points) * factor // (ONE * unit)

"""SEC-015 over the whole answer of the checkout: who comes back never pays more than who is new, nor gets less."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from membership.checkout.quote import Open, Quote, quote
from membership.coupons.cart import Buyer, Candidate, Cart, Line
from membership.coupons.offer import Gift, Offer, Rate
from membership.programme.programme import Programme

from ..coupons.test_combining import carts, offers

_START, _END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
RISING = (Rate(orders=0, percent=300), Rate(orders=2, percent=500), Rate(orders=5, percent=900))


@dataclass(frozen=True)
class Shown:
    """What anybody would be offered: an offer, and how much of it is left for all."""

    offer: Offer
    budget_left: int | None
    uses_left: int | None


def _more(offer: Offer, automatic: bool, rates: bool, gifts: int) -> Offer:
    terms: dict[str, Any] = {"automatic": automatic}
    if rates:
        terms |= {"rates": RISING, "percent": None, "amount": None, "steps": (), "most": None}
    terms["gifts"] = tuple(Gift(sku=f"g{n}", kind="sample") for n in range(gifts))
    return Offer.model_validate(offer.model_dump() | terms)


shown = st.builds(
    Shown,
    st.builds(_more, offers, st.booleans(), st.booleans(), st.sampled_from([0, 0, 1, 2])),
    st.sampled_from([None, None, None, 400, 3_000]),
    st.sampled_from([None, None, 0, 1]),
)


def _quoted(cart: Any, buyer: Buyer, found: list[Shown], quota_left: int) -> Quote:
    opened = [
        Open(Candidate(f"k{n}", one.offer), f"o{n}", one.budget_left, one.uses_left) for n, one in enumerate(found)
    ]
    return quote(cart, buyer, opened, quota_left)


@given(carts, st.lists(shown, max_size=5), st.integers(0, 9), st.integers(0, 2))
def test_whoever_comes_back_pays_no_more_for_the_same_offers(
    cart: Any, found: list[Shown], orders: int, quota_left: int
) -> None:
    """Any tier of the default programme, rates that rise, limits of uses and budgets, the shipping quota, gifts."""
    new = _quoted(cart, Buyer(), found, 0)
    for level, tier in enumerate(Programme().tiers):
        back = _quoted(cart, Buyer(level, orders, tier.price), found, quota_left)
        assert back.total <= new.total
        if back.total == new.total and not quota_left:  # with a use left a coupon that ships free is kept for later
            assert sum(gift.quantity for _, gift in back.gifts) >= sum(gift.quantity for _, gift in new.gifts)


def test_a_rate_that_rises_beyond_what_the_budget_bears_is_given_as_to_who_is_new() -> None:
    """SEC-015, MEM-057: 3 % of 100.00 are within the 4.00 that are left, 5 % are not."""
    offer = Offer(name="back", rates=RISING, starts=_START, ends=_END)
    cart = Cart((Line("a", 1, 10_000),))
    for_new, for_all = Shown(offer.model_copy(update={"orders_to": 0}), 400, None), Shown(offer, 400, None)
    assert [_quoted(cart, Buyer(orders=n), [for_all], 0).total for n in (0, 3)] == [9_700, 9_700]
    assert [_quoted(cart, Buyer(orders=n), [for_new], 0).total for n in (0, 3)] == [9_700, 10_000]
    assert _quoted(cart, Buyer(orders=3), [Shown(offer, 500, None)], 0).total == 9_500

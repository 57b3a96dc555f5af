"""Gifts at the checkout: never more than products, related to the goods, samples alone (T-4.19, MEM-059 to 062)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from common.events.orders import OrderLine, OrderPaid
from membership.checkout.quote import Open, points_earned, quote
from membership.commands.pricing import _in_series
from membership.coupons.cart import Buyer, Candidate, Cart, Line
from membership.coupons.gifts import too_many, unrelated, with_next_gift
from membership.coupons.offer import Gift, Offer
from membership.coupons.own_gifts import listed_gifts, next_gift

MASK = Gift(sku="mask", category="sample-care", kind="sample")


def giving(*gifts: Gift, **terms: Any) -> Offer:
    start, end = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    return Offer(name="gift", starts=start, ends=end, gifts=gifts, **terms)


@pytest.mark.parametrize(("gifts", "products", "refused"), [(3, 2, True), (2, 2, False), (0, 0, False), (1, 0, True)])
def test_gifts_are_never_more_than_products(gifts: int, products: int, refused: bool) -> None:
    """T-4.19."""
    assert too_many([MASK] * gifts, products) is refused


@pytest.mark.parametrize("kind", ["full-size", "full_size"])
def test_a_product_in_full_size_is_no_gift(kind: str) -> None:
    """T-4.19."""
    with pytest.raises(ValidationError, match="full size"):
        Gift.model_validate({"sku": "mask", "kind": kind})


@pytest.mark.parametrize(
    ("gift", "expected"), [("sample-care", None), ("bookmark", ("skincare", "bookmark")), (None, ("skincare", None))]
)
def test_a_gift_has_to_do_with_the_goods(gift: str | None, expected: Any) -> None:
    """MEM-060."""
    offer = giving(Gift(sku="g", category=gift, kind="sample"), categories=("skincare", "unnamed"))
    assert unrelated(offer, {"skincare": ["sample-care"]}) == expected


@pytest.mark.parametrize(("products", "offers", "expected"), [(1, 3, 1), (2, 3, 2), (5, 3, 3)])
def test_a_cart_gets_gifts_as_far_as_it_has_products(products: int, offers: int, expected: int) -> None:
    found = quote(
        Cart((Line("a", products, 100),)),
        Buyer(),
        [Open(Candidate(f"k{n}", giving(MASK))) for n in range(offers)],
        0,
    )
    assert (len(found.gifts), len(found.gift_codes), found.total) == (expected, expected, products * 100)


def test_gifts_come_for_designated_goods_alone() -> None:
    """MEM-059."""
    offer = Open(Candidate("k", giving(MASK, skus=("cream",))))
    assert quote(Cart((Line("soap", 1, 100),)), Buyer(), [offer], 0).gifts == ()
    assert quote(Cart((Line("cream", 1, 100),)), Buyer(), [offer], 0).gifts == (("k", MASK),)


def test_a_use_of_the_quota_pays_the_freight_before_a_coupon_does() -> None:
    ships = Open(Candidate("k", giving(free_shipping=True)))
    by_quota = quote(Cart((Line("a", 1, 100),), 50), Buyer(), [ships], 1)
    assert (by_quota.by_quota, by_quota.price.chosen, by_quota.total) == (True, (), 100)
    by_coupon = quote(Cart((Line("a", 1, 100),), 50), Buyer(), [ships], 0)
    assert (by_coupon.by_quota, [each.code for each in by_coupon.price.chosen], by_coupon.total) == (False, ["k"], 100)


def test_no_use_of_the_quota_is_spent_where_shipping_is_free_for_everybody() -> None:
    """SEC-015: what others have for nothing costs a member nothing."""
    cart = Cart((Line("a", 1, 10_000),), 500)
    for_all = Open(Candidate("all", giving(free_shipping=True, automatic=True, minimum=5_000)))
    found = quote(cart, Buyer(0), [for_all], 1)
    assert (found.by_quota, [each.code for each in found.price.chosen], found.total) == (False, ["all"], 10_000)
    for bounded in (for_all._replace(uses_left=1), for_all._replace(budget_left=9_000)):
        assert quote(cart, Buyer(0), [bounded], 1).by_quota


def test_a_member_gets_the_gift_that_everybody_gets_at_the_same_price() -> None:
    """SEC-015: the list price with 20 % off is chosen, so the gift's minimum is of the list price."""
    off = Open(Candidate("off", giving(percent=2_000, automatic=True, with_tier_price=False)))
    gift = Open(Candidate("gift", giving(MASK, automatic=True, minimum=9_800)))
    cart = Cart((Line("a", 1, 10_000),))
    member, anybody = (quote(cart, buyer, [off, gift], 0) for buyer in (Buyer(1, 3, 9_500), Buyer()))
    assert (member.total, member.gifts) == (anybody.total, anybody.gifts) == (8_000, (("gift", MASK),))


@pytest.mark.parametrize(
    ("goods", "points", "factor", "expected"),
    [(9_990, 0, 15_000, 149), (10_000, 0, 20_000, 200), (13_230, 300, 12_000, 155), (100, 200, 10_000, 0)],
)
def test_points_are_told_as_the_order_will_earn_them(goods: int, points: int, factor: int, expected: int) -> None:
    """MEM-036: twice the points for 100 are 200."""
    assert points_earned(goods, points, factor, 100) == expected


def reducing(**terms: Any) -> Offer:
    start, end = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    return Offer(name="less", starts=start, ends=end, **terms)


@pytest.mark.parametrize(
    ("uses_left", "budget_left", "used", "beyond_uses", "beyond_budget"),
    [
        (None, None, 3, 0, 0),
        (1, None, 1, 2, 0),
        (2, None, 2, 1, 0),
        (None, 1_500, 1, 0, 2),
        (None, 2_000, 2, 0, 1),
        (None, 999, 0, 0, 3),
        (1, 1_000, 1, 2, 0),
    ],
)
def test_coupons_of_one_offer_share_what_is_left_of_it(
    uses_left: int | None, budget_left: int | None, used: int, beyond_uses: int, beyond_budget: int
) -> None:
    """MEM-054: what is quoted can be reserved, however many coupons of an offer the customer holds."""
    offer = reducing(amount=1_000)
    candidates = [Open(Candidate(f"k{n}", offer), "spring", budget_left, uses_left) for n in range(3)]
    found = quote(Cart((Line("a", 1, 9_000),)), Buyer(), candidates, 0)
    assert (len(found.price.chosen), found.total) == (used, 9_000 - 1_000 * used)
    assert (len(found.beyond_uses), len(found.beyond_budget)) == (beyond_uses, beyond_budget)


def series(*skus: str, **terms: Any) -> Offer:
    return giving(*(Gift(sku=sku, kind="small_gift") for sku in skus), gift_series=True, **terms)


@pytest.mark.parametrize(
    ("given", "expected"),
    [((), ("cup",)), (("cup",), ("pot",)), (("pot",), ("cup",)), (("cup", "pot", "other"), ())],
)
def test_of_a_series_the_next_gift_comes_and_none_twice(given: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """MEM-064."""
    assert tuple(gift.sku for gift in with_next_gift(series("cup", "pot"), given).gifts) == expected


@pytest.mark.parametrize("skus", [("cup",), ("cup", "cup"), ()])
def test_a_series_of_one_gift_is_none(skus: tuple[str, ...]) -> None:
    """MEM-064."""
    with pytest.raises(ValidationError, match="at least two"):
        series(*skus, percent=100)


@pytest.mark.parametrize(
    ("terms", "given", "gifts", "complete"),
    [
        ({}, (), [("k0", ["cup"])], ["k1"]),
        ({}, ("cup",), [("k0", ["pot"])], ["k1"]),
        ({}, ("cup", "pot"), [], ["k0", "k1"]),
        ({"percent": 100}, (), [("k0", ["cup"]), ("k1", [])], []),
        ({"percent": 100}, ("cup", "pot"), [("k0", []), ("k1", [])], []),
    ],
)
def test_two_coupons_of_a_series_bring_one_gift_an_order(
    terms: dict[str, Any], given: tuple[str, ...], gifts: list[Any], complete: list[str]
) -> None:
    """MEM-064: what else the offer gives is had all the same."""
    coupons = [Open(Candidate(f"k{n}", series("cup", "pot", **terms)), "s") for n in range(2)]
    found, left = _in_series(coupons, {"s": given})
    assert [(each.candidate.code, [g.sku for g in each.candidate.offer.gifts]) for each in found] == gifts
    assert left == complete


@pytest.mark.parametrize(
    ("lines", "given", "listed", "guessed"),
    [
        ((), (), (), ("cup",)),
        ((), ("cup",), (), ("pot",)),
        ((), ("cup", "pot"), (), ()),
        ((("pot", "gift", 0),), (), ("pot",), ()),
        ((("pot", "goods", 0), ("cup", "gift", 0)), ("cup",), ("cup", "pot"), ()),
        ((("pot", "goods", 900),), (), (), ("cup",)),
        ((("tea", "goods", 900),), ("cup",), (), ("pot",)),
        ((("fan", "gift", 0),), (), (), ()),
    ],
)
def test_what_an_order_brought_that_names_its_code_itself(
    lines: tuple[tuple[str, Any, int], ...], given: tuple[str, ...], listed: tuple[str, ...], guessed: tuple[str, ...]
) -> None:
    """MEM-064: what its lines say; of a series, where it lists no gift, the next one."""
    made = tuple(OrderLine(sku=sku, kind=kind, quantity=1, paid=paid) for sku, kind, paid in lines)
    order = OrderPaid(order_id="o", state="paid", currency="CNY", goods_paid=900, lines=made)
    assert (listed_gifts(order, ("cup", "pot")), next_gift(order, ("cup", "pot"), given)) == (listed, guessed)

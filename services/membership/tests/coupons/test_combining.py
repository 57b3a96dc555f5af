"""The best combination of coupons: proven against trying them all; never a worse price for who comes back."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from membership.coupons import combining
from membership.coupons.cart import Buyer, Candidate, Cart, Line, Price
from membership.coupons.combining import best_price, go_together
from membership.coupons.offer import Offer, Rate, Step
from membership.programme.programme import Programme

START, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)


def offer(**terms: Any) -> Offer:
    return Offer(name="o", starts=START, ends=END, **terms)


def cart(*prices: int, freight: int = 0) -> Cart:
    return Cart(tuple(Line(f"s{n}", 1, price, "tea" if n % 2 else "cup") for n, price in enumerate(prices)), freight)


def used(price: Price) -> dict[str, int]:
    return {each.code: each.goods + each.freight for each in price.chosen}


TEN, TWENTY = offer(percent=1_000), offer(percent=2_000)


@pytest.mark.parametrize(
    ("goods", "freight", "coupons", "expected", "total"),
    [
        (10_000, 0, {"a": TEN}, {"a": 1_000}, 9_000),
        (10_000, 0, {"a": TEN, "b": TWENTY}, {"a": 1_000, "b": 2_000}, 7_000),
        (10_000, 0, {"a": offer(percent=1_000, group="g"), "b": offer(percent=2_000, group="g")}, {"b": 2_000}, 8_000),
        (10_000, 0, {"a": TEN, "b": TWENTY, "c": offer(percent=2_500, alone=True)}, {"a": 1_000, "b": 2_000}, 7_000),
        (10_000, 0, {"a": TEN, "c": offer(percent=2_500, alone=True)}, {"c": 2_500}, 7_500),
        (10_000, 0, {"a": offer(amount=6_000), "b": offer(amount=6_000)}, {"a": 6_000, "b": 4_000}, 0),
        (10_000, 0, {"a": offer(amount=500, minimum=10_001)}, {}, 10_000),
        (10_000, 0, {"a": offer(amount=500, minimum=10_000)}, {"a": 500}, 9_500),
        (10_000, 0, {"a": offer(percent=5_000, most=1_200)}, {"a": 1_200}, 8_800),
        (10_000, 800, {"a": offer(free_shipping=True), "b": offer(free_shipping=True)}, {"a": 800}, 10_000),
        (333, 0, {"a": TEN}, {"a": 33}, 300),
        (0, 800, {"a": TEN}, {}, 800),
    ],
)
def test_the_best_price_of_one_line(
    goods: int, freight: int, coupons: dict[str, Offer], expected: dict[str, int], total: int
) -> None:
    found = best_price(cart(goods, freight=freight), Buyer(), [Candidate(*each) for each in coupons.items()])
    assert (used(found), found.total) == (expected, total)


@pytest.mark.parametrize(
    ("spend", "saved"), [(19_999, 0), (20_000, 2_000), (39_999, 2_000), (40_000, 5_000), (99_999, 5_000)]
)
def test_the_highest_step_that_is_reached_applies(spend: int, saved: int) -> None:
    """MEM-058."""
    steps = offer(steps=(Step(spend=20_000, save=2_000), Step(spend=40_000, save=5_000)))
    assert best_price(cart(spend), Buyer(), [Candidate("s", steps)]).total == spend - saved


@pytest.mark.parametrize(("orders", "off"), [(0, 0), (1, 300), (2, 300), (3, 500), (9, 500), (10, 800)])
def test_who_buys_more_often_gets_more_off(orders: int, off: int) -> None:
    """MEM-057, MEM-086: rate(high) >= rate(mid) >= rate(low)."""
    rates = offer(rates=(Rate(orders=1, percent=300), Rate(orders=3, percent=500), Rate(orders=10, percent=800)))
    assert best_price(cart(10_000), Buyer(orders=orders), [Candidate("r", rates)]).total == 10_000 - off


def test_tier_prices_come_first_and_are_rounded_line_by_line() -> None:
    """MEM-028: 95 % of 99.99 and of 0.01, then 10 % of that."""
    lines = Cart((Line("a", 1, 9_999), Line("b", 1, 1)))
    found = best_price(lines, Buyer(level=2, price=9_500), [Candidate("t", TEN)])
    assert (found.by_tier, found.lines, found.total) == (500, (8_549, 1), 8_550)


def test_a_coupon_in_place_of_the_tiers_price_is_taken_where_it_is_lower() -> None:
    instead = Candidate("i", offer(percent=1_500, with_tier_price=False))
    assert best_price(cart(10_000), Buyer(price=9_500), [instead]).total == 8_500
    assert best_price(cart(10_000), Buyer(price=8_000), [instead]).total == 8_000


def test_a_coupon_for_some_goods_takes_nothing_off_others() -> None:
    tea = Candidate("t", offer(amount=9_000, categories=("tea",)))
    found = best_price(cart(5_000, 4_000), Buyer(), [tea])
    assert (found.lines, used(found)) == ((5_000, 0), {"t": 4_000})


offers = st.builds(
    lambda way, size, minimum, scope, alone, group, tiered, ships: offer(
        **{
            "percent": {"percent": size},
            "capped": {"percent": size, "most": 700},
            "amount": {"amount": size},
            "steps": {"steps": (Step(spend=size, save=size // 3 + 1), Step(spend=3 * size, save=size))},
            "ships": {},
        }[way],
        minimum=minimum,
        categories=scope,
        alone=alone,
        group=group,
        with_tier_price=tiered,
        free_shipping=ships or way == "ships",
    ),
    st.sampled_from(["percent", "capped", "amount", "amount", "steps", "ships"]),
    st.integers(100, 9_000),
    st.sampled_from([0, 0, 2_000, 8_000]),
    st.sampled_from([(), (), ("tea",), ("cup",)]),
    st.sampled_from([False, False, False, True]),
    st.sampled_from([None, None, "g", "h"]),
    st.sampled_from([True, True, False]),
    st.booleans(),
)
carts = st.builds(
    lambda lines, freight: Cart(
        tuple(Line(f"s{n}", quantity, price, scope) for n, (quantity, price, scope) in enumerate(lines)), freight
    ),
    st.lists(
        st.tuples(st.integers(1, 3), st.integers(0, 6_000), st.sampled_from(["tea", "cup", None])),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([0, 500, 1_200]),
)
buyers = st.builds(Buyer, st.integers(-1, 3), st.integers(0, 5), st.sampled_from([10_000, 9_800, 9_000]))


def _tried(cart: Cart, buyer: Buyer, candidates: list[Candidate], most: int) -> int:
    """The lowest total of every set that may be used together, at the tier's price and at the shop's."""
    totals = []
    for price in (buyer.price, 10_000):
        amounts = cart.amounts(price)
        known = [c for c in candidates if c.offer.with_tier_price or price == 10_000]
        worths = [w for c in known if (w := combining._worth(c, cart, amounts, buyer)) is not None]
        for size in range(min(most, len(worths)) + 1):
            for some in combinations(worths, size):
                if go_together([worth.candidate for worth in some], most):
                    left, chosen = combining._use(cart, amounts, some)
                    totals.append(sum(left) + cart.freight - sum(each.freight for each in chosen))
    return min(totals)


@given(carts, buyers, st.lists(offers, max_size=7), st.integers(1, 5))
def test_no_other_combination_is_cheaper(cart: Cart, buyer: Buyer, given_: list[Offer], most: int) -> None:
    """Branch and bound finds what trying every combination finds; what it says adds up, and no line is below zero."""
    candidates = [Candidate(f"k{n}", each) for n, each in enumerate(given_)]
    found = best_price(cart, buyer, candidates, most)
    assert found.total == _tried(cart, buyer, candidates, most)
    assert go_together([c for c in candidates if c.code in used(found)], most)
    assert min(found.lines) >= 0
    assert found.goods == sum(found.lines)
    listed = sum(line.total for line in cart.lines)
    assert listed + cart.freight - found.by_tier - sum(used(found).values()) == found.total


@given(carts, st.lists(offers, max_size=6), st.integers(1, 40))
def test_who_comes_back_never_pays_more_than_who_is_new(cart: Cart, given_: list[Offer], orders: int) -> None:
    """SEC-015: the same offers, any tier of the default programme."""
    candidates = [Candidate(f"k{n}", each) for n, each in enumerate(given_)]
    new = best_price(cart, Buyer(), candidates).total
    shares = [tier.price for tier in Programme().tiers]
    totals = [best_price(cart, Buyer(level, orders, share), candidates).total for level, share in enumerate(shares)]
    assert all(total <= new for total in totals)


@pytest.mark.parametrize("seed", range(40))
def test_twenty_coupons_that_get_in_each_others_way_are_weighed_in_little_work(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Counted in looks at a combination, not in time: goods overlap, lines bear few, some go in groups."""
    looks, use, draw = [0], combining._use, random.Random(seed)

    def counted(*given: Any) -> Any:
        looks[0] += 1
        return use(*given)

    monkeypatch.setattr(combining, "_use", counted)
    kinds = [f"c{n}" for n in range(draw.choice([1, 2, 4, 7]))]
    lines = [Line(f"s{n}", 1, draw.randint(100, 4_000), draw.choice(kinds)) for n in range(draw.randint(1, 12))]
    candidates = [
        Candidate(
            f"k{n}",
            offer(
                amount=draw.randint(500, 4_000),
                categories=tuple(set(draw.choices(kinds, k=draw.choice([0, 1, 1, 2])))),
                group=draw.choice([None, None, f"g{n % 6}"]),
            ),
        )
        for n in range(20)
    ]
    best_price(Cart(tuple(lines)), Buyer(2, 3, 9_500), candidates)
    assert looks[0] < 2_000


@pytest.mark.parametrize("many", [25, 120])
def test_coupons_that_share_one_article_are_weighed_in_bounded_work(monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    """P9: however their goods overlap. One coupon takes the shoe, the others their laces."""
    looks, bound = [0], combining._Search._at_most

    def counted(search: Any, *given: Any) -> int:
        looks[0] += many
        return bound(search, *given)

    monkeypatch.setattr(combining._Search, "_at_most", counted)
    lines = [Line("shoe", 1, 10_000), *(Line(f"lace{n}", 1, 100) for n in range(many)), Line("coat", 1, 90_000)]
    candidates = [Candidate(f"k{n:03}", offer(amount=10_000, skus=("shoe", f"lace{n}"))) for n in range(many)]
    found = best_price(Cart(tuple(lines)), Buyer(), candidates)
    assert looks[0] <= combining.WORK + 2 * many
    assert sum(used(found).values()) == 10_499

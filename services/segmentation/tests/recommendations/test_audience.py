"""Customers for a product: what goes with it counts, more when it is recent, and of what is new taste for it."""

from __future__ import annotations

from datetime import date, timedelta

from segmentation.recommendations.audience import Bought, rank
from segmentation.recommendations.state import Goods, Product

TODAY = date(2025, 3, 20)


def product(**more: object) -> Product:
    fields = {"category": None, "brand": None, "orders": 9, "recent": 3, "price": None, "is_new": False} | more
    return Product(sku="cup", **fields)  # type: ignore[arg-type]  # the fields of a table of cases


def basket(customer: str, days_ago: int, *goods: Goods) -> Bought:
    return Bought(customer, TODAY - timedelta(days=days_ago), goods)


def names(product: Product, *baskets: Bought, again: bool = False) -> list[str]:
    return [each.customer for each in rank(product, baskets, TODAY, again=again, limit=9)]


def test_seg_052_who_bought_what_goes_with_it_comes_first_and_of_two_who_did_lately() -> None:
    near = product(neighbours=[("pot", 0.6), ("tea", 0.1)], category="china")
    pot, tea, plate, soap = Goods("pot"), Goods("tea"), Goods("plate", "china"), Goods("soap", "bath")
    baskets = [
        basket("old", 90, pot),
        basket("tea", 1, tea),
        basket("pot", 1, pot, plate),
        basket("none", 1, soap),
        basket("plate", 1, plate),
    ]
    assert names(near, *baskets) == ["pot", "old", "plate", "tea"]
    first = rank(near, baskets, TODAY, again=False, limit=1)[0]
    assert (first.because, first.same_category, first.last_day) == (["pot"], 1, TODAY - timedelta(days=1))
    assert names(near, *reversed(baskets)) == ["pot", "old", "plate", "tea"]


def test_who_has_it_is_told_only_where_it_is_bought_again() -> None:
    near, has = product(category="china"), basket("has", 1, Goods("cup", "china"))
    other = basket("other", 1, Goods("plate", "china"))
    assert names(near, has, other) == ["other"]
    assert names(near, has, other, again=True) == ["has", "other"]


def test_seg_053_of_what_is_new_those_who_take_what_is_new_come_first() -> None:
    plate = Goods("plate", "china", "Hill")
    usual, taker = (
        basket("usual", 1, plate, plate),
        basket("taker", 1, plate, Goods("plate", "china", "Hill", None, "new")),
    )
    assert names(product(category="china"), taker, usual) == ["taker", "usual"]
    found = rank(product(category="china", is_new=True), [usual, taker], TODAY, again=False, limit=2)
    assert [(each.customer, each.new_percent) for each in found] == [("taker", 50), ("usual", 0)]
    assert found[0].score > found[1].score
    assert rank(product(brand="Hill"), [usual], TODAY, again=False, limit=2)[0].same_brand == 2

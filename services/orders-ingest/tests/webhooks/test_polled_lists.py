"""Lists of orders are read page by page, each order of them, whatever changes meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_ingest.reconciliation.lists.protocol import (
    Answer,
    OrderList,
    Source,
    UnreadablePage,
)
from orders_ingest.reconciliation.lists.shopify import ShopifyList
from orders_ingest.reconciliation.lists.woocommerce import WooCommerceList

from .shop_system import KEYS, SINCE, TOKEN, ShopSystem, woo_order


def walk(kind: OrderList, system: ShopSystem, secret: str, during: Callable[[], None] = lambda: None) -> list[str]:
    """The ids of the orders of all pages, as they come; `during` happens after each page."""
    source, place, found = Source("https://shop.example", secret), None, list[str]()
    for _ in range(1_000):
        asked = kind.ask(source, SINCE, place)
        reply = system.answer(asked.url, {name.lower(): value for name, value in asked.headers.items()})
        assert reply is not None
        page = kind.read(Answer(*reply), place)
        found += page.orders
        if page.next is None:
            return found
        place = page.next
        during()
    raise AssertionError("the list has no end")


@given(
    seconds=st.lists(st.integers(0, 12), min_size=1, max_size=30),
    gone=st.lists(st.integers(0, 29), max_size=6),
    per_page=st.integers(1, 5),
)
def test_an_order_that_leaves_the_list_hides_no_other_one(seconds: list[int], gone: list[int], per_page: int) -> None:
    """WooCommerce's pages by number would: whatever moves up is on a page that was read."""
    orders = [woo_order(n, f"2026-03-01T16:00:{second:02d}") for n, second in enumerate(seconds, 1)]
    # Of one second more than a page, numbers are all there is: nothing leaves then.
    fits = max(seconds.count(each) for each in seconds) < per_page
    system, leaving = ShopSystem(orders, per_page=per_page), iter(gone if fits else [])

    def one_goes() -> None:
        number = next(leaving, None)
        system.orders = [order for order in system.orders if order["id"] != number]

    found = walk(WooCommerceList(), system, KEYS, one_goes)
    assert {str(order["id"]) for order in system.orders} <= set(found)


def test_a_shop_that_lets_fewer_orders_stand_on_a_page_is_read_to_its_end() -> None:
    system = ShopSystem([woo_order(n, f"2026-03-01T16:{n:02d}:00") for n in range(50)], per_page=7)
    assert set(walk(WooCommerceList(), system, KEYS)) == {str(n) for n in range(50)}


def test_an_order_that_changes_while_shopifys_list_is_read_is_read_again() -> None:
    orders = [{"id": n, "updated_at": f"2026-03-01T10:00:0{n}-05:00"} for n in range(1, 8)]
    system = ShopSystem(orders)

    def first_changes() -> None:
        orders[0]["updated_at"] = "2026-03-02T10:00:00-05:00"

    found = walk(ShopifyList(), system, TOKEN, first_changes)
    assert found == ["1", "2", "3", "4", "5", "6", "7", "1"]
    # Filters stand in the first request alone, and the link's host is never asked.
    assert "updated_at_min=2026-02-01T00%3A00%3A00Z" in system.asked[0]
    assert all(each.startswith("https://shop.example/admin/api/2025-10/orders.json?limit=250") for each in system.asked)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"orders": 1}', b'{"orders": [{"name": "#1"}]}'])
def test_what_is_no_page_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(UnreadablePage):
        ShopifyList().read(Answer(200, {}, body), None)


@pytest.mark.parametrize(
    ("headers", "order"),
    [
        ({}, woo_order(1, "0001-01-01T00:00:00")),
        ({"x-wp-totalpages": "9" * 5_000}, woo_order(1, "0001-01-01T00:00:00")),
        ({"x-wp-totalpages": "9"}, woo_order(1, "x")),
    ],
)
def test_a_page_beyond_the_calendar_is_said_to_be_none(headers: dict[str, str], order: dict[str, Any]) -> None:
    with pytest.raises(UnreadablePage):
        WooCommerceList().read(Answer(200, headers, orjson.dumps([order] * 100)), None)


@pytest.mark.parametrize("kind", [ShopifyList(), WooCommerceList()])
def test_an_order_that_is_nested_too_deep_stops_no_list(kind: OrderList) -> None:
    orders = b'[{"id":1},{"id":2,"note":%s%s},{"id":3}]' % (b"[" * 300, b"]" * 300)
    body = b'{"orders":%s}' % orders if kind.name == "shopify" else orders
    page = kind.read(Answer(200, {}, body), None)
    assert page.orders == {"1": b'{"id":1}', "2": b"", "3": b'{"id":3}'}

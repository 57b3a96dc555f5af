"""Products by event and by upsert: kept, shown, reported, announced once, and taken over by order lines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from common.events import Event
from common.time.clock import FixedClock

Published = Callable[[], Awaitable[list[Event[Any]]]]
URL = "/v1/shops/demo/products"
PRODUCT = {
    "name": "Tea",
    "category": "green",
    "marks": [{"mark": "new", "since": "2026-03-01T00:00:00Z", "until": "2026-03-04T00:00:00Z"}],
}


async def products(published: Published) -> list[Event[Any]]:
    return [event for event in await published() if event.type == "product.changed"]


async def test_an_upsert_is_announced_only_where_something_is_new(api: httpx.AsyncClient, published: Published) -> None:
    for body, status in ((PRODUCT, "accepted"), (PRODUCT, "duplicate"), ({**PRODUCT, "price": 5}, "accepted")):
        answer = await api.put(f"{URL}/a/1", json=body)
        assert (answer.status_code, answer.json()) == (202, {"id": "a/1", "status": status}), answer.text
    events = await products(published)
    assert [(e.data.sku, e.data.price, e.subject, e.key) for e in events] == [
        ("a/1", None, None, "demo/a/1"),
        ("a/1", 5, None, "demo/a/1"),
    ]
    assert events[0].data.revision < events[1].data.revision
    shown = (await api.get(f"{URL}/a/1")).json()
    assert (shown["name"], shown["price"], shown["missing"]) == ("Tea", 5, ["brand", "description", "image"])
    assert (await api.get(f"{URL}/b")).json()["type"] == "/problems/unknown_product"
    assert (await api.put(f"{URL}/a/1", json={"nam": "Tea"})).status_code == 422


async def test_the_newest_version_of_an_event_counts_and_numbers_do_not_mix(api: httpx.AsyncClient, tell: Any) -> None:
    def said(name: str, hour: int, **data: Any) -> dict[str, Any]:
        at = f"2026-03-05T0{hour}:00:00Z"
        event: dict[str, Any] = tell.event("product.changed", {"sku": "a", "name": name, **data}, subject=None, time=at)
        return event

    answer = await api.post("/v1/events", json=[said("second", 2), said("first", 1)])
    assert [each["status"] for each in answer.json()["results"]] == ["accepted"] * 2
    assert (await api.get(f"{URL}/a")).json()["name"] == "second"
    mixed = await api.post("/v1/events", json=said("third", 3, version=9))
    assert (mixed.status_code, mixed.json()["type"]) == (409, "/problems/version_mixed")
    named = await api.post("/v1/events", json={**said("x", 4), "subject": "ann"})
    assert (named.status_code, named.json()["type"]) == (422, "/problems/invalid_subject")


async def test_lines_are_filled_as_of_the_purchase(api: httpx.AsyncClient, tell: Any, published: Published) -> None:
    """ORD-008: also where the order is told later, and in each of its versions."""
    await api.put(f"{URL}/s-1", json=PRODUCT)
    for order, placed in (("o-1", "2026-03-02T10:00:00Z"), ("o-2", "2026-03-05T10:00:00Z")):
        told = tell.order("paid", {"order_id": order, "placed_at": placed})
        assert (await api.post("/v1/events", json=told)).status_code == 202
        assert (await api.post("/v1/events", json=told)).json()["status"] == "duplicate"
    lines = [event.data.lines[0] for event in await published() if event.type == "order.paid"]
    assert [(line.name, line.category, line.mark) for line in lines] == [
        ("Tea", "green", "new"),
        ("Tea", "green", "regular"),
    ]
    shown = (await api.get("/v1/shops/demo/orders/o-1")).json()
    assert (shown["lines"][0]["mark"], shown["units"]) == ("new", 1)


async def test_the_report_counts_what_products_lack(api: httpx.AsyncClient, clock: FixedClock) -> None:
    """ORD-042."""
    whole = {"name": "T", "category": "g", "brand": "b", "description": "d", "image": "i", "price": 1}
    sent = [{"sku": "a", **whole}, {"sku": "b", **whole, "price": None}, {"sku": "c", "name": "T"}]
    answer = await api.post(URL, json={"products": sent})
    assert [each["status"] for each in answer.json()["results"]] == ["accepted"] * 3
    assert (await api.get("/v1/shops/demo/products-report")).json() == {
        "products": 3,
        "incomplete": 2,
        "missing": {"brand": 1, "category": 1, "description": 1, "image": 1, "price": 2},
    }
    page = (await api.get(URL, params={"incomplete": True, "limit": 1})).json()
    assert ([each["sku"] for each in page["items"]], page["after"]) == (["b"], "b")
    rest = (await api.get(URL, params={"incomplete": True, "limit": 1, "after": "b"})).json()
    assert ([each["sku"] for each in rest["items"]], rest["after"]) == (["c"], None)

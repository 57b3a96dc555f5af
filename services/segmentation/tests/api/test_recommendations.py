"""Recommendations over HTTP: counted once a day, picked by cart, history and rules, for who is known and who is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from common.bus.subscriptions import Batch
from common.events.orders import OrderCompleted, OrderLine
from common.process.runtime import Runtime
from segmentation.handlers import on_bought

from ..conftest import NOW
from .test_segments import take

BASE = "/v1/shops/tea"


async def bought(runtime: Runtime, events: Any, customer: str, days_ago: int, *skus: str) -> None:
    at = NOW - timedelta(days=days_ago)
    lines = tuple(OrderLine(sku=sku, category=sku[0], quantity=1, paid=1_000) for sku in skus)
    data = OrderCompleted(
        order_id=f"{customer}-{days_ago}", state="completed", currency="CNY", goods_paid=1_000, lines=lines, revision=1
    )
    event = events.make(customer, at, data)
    await take(runtime, event)
    async with runtime.database.transaction() as tx:
        await on_bought(tx, Batch([event]))


async def test_recommendations_follow_the_cart_the_orders_and_rules(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    """SEG-060, SEG-062, SEG-064, SEG-065, SEG-073."""
    before = (await client.get(f"{BASE}/recommendations")).json()
    assert (before["rests_on"], before["items"]) == ("cold_start", [])
    for number in range(1, 6):
        await bought(runtime, events, f"b{number}", 10 + number, "green", "pot", *(["mug"] if number < 4 else []))
        await bought(runtime, events, f"s{number}", number, "soap")
    await bought(runtime, events, "c1", 2, "green")
    await runtime.set_clock(NOW + timedelta(days=30))
    await runtime.sweeper.sweep()
    mine = (await client.get(f"{BASE}/customers/c1/recommendations?place=home&limit=2")).json()
    assert (mine["rests_on"], mine["baskets"], mine["as_of"]) == ("history", 11, "2025-04-19")
    assert [(i["sku"], i["kind"], i["because"]) for i in mine["items"]] == [
        ("pot", "bought_with", "green"),
        ("mug", "bought_with", "green"),
    ]
    again = (await client.get(f"{BASE}/customers/c1/recommendations?place=message&again=true&limit=1")).json()
    assert (again["items"][0]["sku"], again["items"][0]["kind"]) == ("green", "again")
    cart = (await client.get(f"{BASE}/recommendations?place=cart&sku=pot&sku=green&limit=1")).json()
    assert (cart["rests_on"], cart["items"][0]["sku"]) == ("cart", "mug")
    nobody = (await client.get(f"{BASE}/customers/p1/recommendations?limit=1")).json()
    assert (nobody["rests_on"], nobody["items"][0]["kind"]) == ("cold_start", "popular")
    assert (await client.get(f"{BASE}/customers/ghost/recommendations")).status_code == 404
    assert (await client.get(f"{BASE}/recommendations?place=shelf")).status_code == 422
    # SEG-052, SEG-053: whom to tell of the mug: who bought what goes with it, and not those who have one.
    path = f"{BASE}/recommendations/customers"
    told = (await client.get(path, params={"sku": "mug", "limit": 5})).json()
    assert (told["category"], told["baskets"]) == ("m", 11)
    assert [(each["customer"], sorted(each["because"])) for each in told["customers"]] == [
        ("b4", ["green", "pot"]),
        ("b5", ["green", "pot"]),
        ("c1", ["green"]),
    ]
    fresh = (await client.get(path, params={"sku": "oolong", "category": "s", "limit": 2})).json()
    assert (fresh["is_new"], [each["customer"] for each in fresh["customers"]]) == (True, ["s1", "s2"])
    unknown = await client.get(path, params={"sku": "oolong"})
    assert (unknown.status_code, unknown.json()["type"]) == (422, "/problems/nothing_to_fit")
    async with runtime.database.transaction() as tx:
        due = await tx.value("select due_at from product_models where shop = 'tea'")
    assert due == datetime(2025, 4, 19, 16, tzinfo=UTC), "counted anew when the next day begins"

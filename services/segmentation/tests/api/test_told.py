"""Nothing is told of one customer after the erasure, by any route; totals stay (SEC-006)."""

from __future__ import annotations

from typing import Any

import httpx

from common.bus.subscriptions import Batch
from common.crypto.erasing import count_rows
from common.events.customers import CustomerErased, CustomerMerged
from common.process.runtime import Runtime
from common.storage.database import Database
from segmentation.handlers import on_merges
from segmentation.main import SERVICE

from ..conftest import NOW
from ..test_erasure import erase
from .test_recommendations import bought

BASE = "/v1/shops/tea"
TOLD = (
    "", "/activity", "/traits", "/buyer-type", "/churn", "/lifetime-value", "/win-back", "/recommendations",
    "/rfm/movements", "/changes", "/tags", "/segments", "/segments/vip", "/tribe", "/needs",
)  # fmt: skip
"""All that is told of one customer: each route below `customers/{customer}`."""


def test_every_route_of_one_customer_is_asked_below() -> None:
    """SEC-006: a route that is new is among those that tell nothing of who was erased."""
    of_one = "/v1/shops/{shop}/customers/{customer}"
    routes: list[Any] = [route for router in SERVICE.routers for route in router.routes]
    reads = {
        each.path.removeprefix(of_one) for each in routes if each.path.startswith(of_one) and "GET" in each.methods
    }
    assert reads == {path.replace("/vip", "/{segment}") for path in TOLD}


async def test_nothing_is_told_of_who_was_erased_nor_anything_taken(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    """SEC-006: what they bought stands for the totals alone; whoever was one person with them is told of as before."""
    await client.put(f"{BASE}/segments/vip", json={"name": "VIP", "expression": "tag vip"})
    await bought(runtime, events, "c1", 4, "tea")
    await bought(runtime, events, "c2", 5, "tea")
    merged = CustomerMerged(survivor="c3", absorbed="n1", sequence=1)
    async with runtime.database.transaction() as tx:
        await on_merges(tx, Batch([events.make("c3", NOW, merged)]))
    audience = f"{BASE}/recommendations/customers?sku=new&category=t"
    known = {path: (await client.get(f"{BASE}/customers/c1{path}")).json().get("type") for path in TOLD}
    assert "/problems/erased_customer" not in known.values()
    assert [each["customer"] for each in (await client.get(audience)).json()["customers"]] == ["c1", "c2"]
    for customer in ("c1", "n1"):
        await erase(runtime.database, events.make(customer, NOW, CustomerErased()))
    for path in TOLD:
        answer = await client.get(f"{BASE}/customers/c1{path}")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/erased_customer"), path
        assert (await client.get(f"{BASE}/customers/c2{path}")).json().get("type") == known[path], path
    reason = {"reason": "price", "source": "staff"}
    refused = await client.put(f"{BASE}/customers/c1/churn-reasons/r1", json=reason)
    assert (refused.status_code, refused.json()["type"]) == (404, "/problems/erased_customer")
    assert (await client.get(f"{BASE}/customers/c3/traits")).status_code == 200
    told = (await client.get(audience)).json()
    assert ([each["customer"] for each in told["customers"]], told["baskets"]) == (["c2"], 1)
    assert {"sales", "order_facts"} <= (await kept_of(runtime.database, "c1")).keys(), "totals are as they were"


async def kept_of(database: Database, customer: str) -> dict[str, int]:
    async with database.transaction() as tx:
        return await count_rows(tx, ("tea", customer))

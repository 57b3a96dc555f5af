"""A shop is set up once, here, before its first event; what is not set up is refused with the call to make."""

from __future__ import annotations

from typing import Any

import httpx

from common.events import decode
from common.storage.database import Database

ORDER = {
    "specversion": "1.0",
    "id": "o",
    "source": "/shops/newshop/backend",
    "shop": "newshop",
    "subject": "ann",
    "type": "order.completed",
    "time": "2025-10-01T10:00:00Z",
    "data": {"order_id": "o-1", "state": "completed", "currency": "USD", "goods_paid": 60000},
}
PATH = "/v1/shops/newshop/settings"
USD = {"zone": "UTC", "currency": "USD"}


async def announced(db: Database) -> list[Any]:
    async with db.transaction() as tx:
        rows = await tx.fetch("select payload from outbox where aggregatetype = 'shops' order by seq")
    return [decode(row.payload).data for row in rows]


async def test_an_order_is_refused_until_the_shop_is_set_up(api: httpx.AsyncClient, db: Database) -> None:
    """An order sent before the settings would be counted by settings that nobody chose."""
    doors: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/v1/events", ORDER),
        ("POST", "/v1/shops/newshop/events", ORDER),
        ("PUT", "/v1/shops/newshop/customers/ann", {"name": "Ann"}),
        ("PUT", "/v1/shops/newshop/intake", {"enabled": True}),
    ]
    for method, path, body in doors:
        answer = await api.request(method, path, json=body)
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/shop_not_set_up"), path
        assert f"PUT {PATH}" in answer.json()["detail"]
    demo = ORDER | {"id": "d", "shop": "demo", "source": "/shops/demo/backend"}
    batch = await api.post("/v1/events", json=[ORDER, demo])
    assert [(r["status"], r.get("slug")) for r in batch.json()["results"]] == [
        ("refused", "shop_not_set_up"),
        ("accepted", None),
    ]
    assert (await api.put(PATH, json=USD)).status_code == 200
    assert (await api.post("/v1/events", json=ORDER)).status_code == 202


async def test_settings_are_versions_and_a_repetition_is_none(api: httpx.AsyncClient, db: Database) -> None:
    first = (await api.put(PATH, json=USD)).json()
    assert (first["version"], first["zone"], first["currency"]) == (1, "UTC", "USD")
    assert (await api.put(PATH, json=USD)).json() == first
    change = USD | {"currency": "EUR", "name": "Tea House", "valid_from": "2030-01-01T00:00:00Z"}
    second = (await api.put(PATH, json=change)).json()
    assert second["version"] == 2
    assert (await api.put(PATH, json=change)).json() == second
    stale = await api.put(PATH, json=USD | {"name": "Tea", "replaces": 1})
    assert (stale.status_code, "version 2 now" in stale.json()["detail"]) == (409, True)
    found = (await api.get(PATH)).json()
    assert (found["current"], found["versions"]) == (first, [first, second])
    assert [(data.version, data.currency, data.name) for data in await announced(db)] == [
        (1, "USD", None),
        (2, "EUR", "Tea House"),
    ]


async def test_settings_that_nobody_can_compute_with_are_refused(api: httpx.AsyncClient, db: Database) -> None:
    for wrong in (
        {"zone": "Mars/Olympus"},
        {"currency": "XYZ"},
        {"zon": "UTC"},
        {"valid_from": "2099-01-01T00:00:00Z"},
    ):
        assert (await api.put(PATH, json=USD | wrong)).status_code == 422, wrong
    assert await announced(db) == []
    assert (await api.get(PATH)).status_code == 422

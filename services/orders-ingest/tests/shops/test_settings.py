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
    first["valid_until"] = second["valid_from"]
    assert (found["current"], found["versions"]) == (first, [first, second])
    assert [(data.version, data.currency, data.name) for data in await announced(db)] == [
        (1, "USD", None),
        (2, "EUR", "Tea House"),
    ]


async def test_a_name_of_which_nothing_shows_is_refused(api: httpx.AsyncClient) -> None:
    for name in (" ", "\u200b", "\u2028", "\u202eaeT"):
        answer = await api.put(PATH, json=USD | {"name": name})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/name")


async def test_another_currency_is_confirmed_where_there_are_orders(api: httpx.AsyncClient, db: Database) -> None:
    """Decision 0070: what was paid before counts as orders alone afterwards, which is said before it is so."""
    yen = {"zone": "UTC", "currency": "JPY"}
    assert (await api.put(PATH, json=yen)).status_code == 200
    assert (await api.put(PATH, json=USD)).status_code == 200, "nothing was paid yet"
    assert (await api.post("/v1/events", json=ORDER)).status_code == 202
    assert (await api.put(PATH, json=USD | {"zone": "Europe/Berlin"})).status_code == 200, "a zone needs no word"
    change = yen | {"valid_from": "2030-01-01T00:00:00Z"}
    refused = await api.put(PATH, json=change)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/currency_change_unconfirmed")
    assert all(said in refused.json()["detail"] for said in ("JPY instead of USD", "2030-01-01", "`confirmed`"))
    assert [version["currency"] for version in (await api.get(PATH)).json()["versions"]] == ["JPY", "USD", "USD"]
    made = (await api.put(PATH, json=change | {"confirmed": True})).json()
    assert (made["version"], made["currency"]) == (4, "JPY")
    assert (await api.put(PATH, json=change)).json() == made, "what is in force then needs no word either"
    assert made["valid_until"] is None


async def test_a_currency_of_a_time_that_is_past_takes_back_what_was_earned_and_ends_where_another_begins(
    api: httpx.AsyncClient,
) -> None:
    """Decision 0070: both are said before, and until when it holds is answered."""
    assert (await api.put(PATH, json=USD)).json()["valid_until"] is None
    assert (await api.post("/v1/events", json=ORDER)).status_code == 202
    past = {"zone": "UTC", "currency": "JPY", "valid_from": "2024-01-01T00:00:00Z"}
    told = (await api.put(PATH, json=past)).json()
    (current,) = (await api.get(PATH)).json()["versions"]
    assert ("is taken back" in told["detail"], "stay theirs" in told["detail"]) == (True, False)
    assert "From 2024-01-01T00:00:00Z to " in told["detail"]
    assert told["valid_until"] == current["valid_from"]
    made = (await api.put(PATH, json=past | {"confirmed": True})).json()
    assert made["valid_until"] == current["valid_from"]
    assert (await api.get(PATH)).json()["current"]["currency"] == "USD", "the version of today goes on"


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

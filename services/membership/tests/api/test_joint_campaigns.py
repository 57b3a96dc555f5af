"""Campaigns with partner merchants, on a real PostgreSQL (MEM-092)."""

from __future__ import annotations

from typing import Any

from common.events import Event
from common.events.shops import ShopSettingsChanged
from common.shops.following import save

from ..conftest import NOW, V1, Client, Shop, deliver, rich
from .offering import issued, offered

TERMS: dict[str, Any] = {
    "name": "Cups and tea", "partner": "The potter", "segment": "oolong", "offer_id": "spring", "shares": "aggregate",
    "starts": "2025-03-01T00:00:00Z", "ends": "2025-05-01T00:00:00Z",
}  # fmt: skip


async def test_a_second_person_approves_before_anything_is_shared(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    one, body = f"{V1}/joint-campaigns/potter", {"campaign": TERMS, "by": "wu"}
    assert (await client.put(one, json=body)).json()["type"].endswith("unknown_offer")
    await offered(client)
    (code,) = await issued(client, ["c1"])
    assert [(await client.put(one, json=body)).status_code for _ in range(2)] == [200, 200]
    other = {**body, "campaign": {**TERMS, "shares": "consented_list"}}
    assert (await client.put(one, json=other)).json()["type"].endswith("joint_campaign_differs")
    share = {"what": "aggregate", "quantity": 120, "by": "wu"}
    assert (await client.put(f"{one}/deliveries/d1", json=share)).json()["type"].endswith("not_approved")
    answers = [
        (await client.post(f"{one}/decision", json={"decision": "approved", "by": by})).status_code
        for by in ("wu", "li", "li")
    ]
    assert answers == [403, 200, 200]
    told = [
        ("d1", share), ("d1", share), ("d1", {**share, "quantity": 7}), ("d2", {**share, "what": "consented_list"}),
        ("d3", {**share, "what": "sample", "quantity": 40}), ("d4", {**share, "what": "sample", "quantity": 2}),
    ]  # fmt: skip
    assert [(await client.put(f"{one}/deliveries/{name}", json=what)).status_code for name, what in told] == [
        200, 200, 409, 409, 200, 200,
    ]  # fmt: skip
    await client.post(f"{V1}/coupons/{code}/uses", json={"order_id": "o9", "customer": "c1", "amount": 500})
    await deliver(client.database, [shop.paid("c1", NOW, "o9", 9_500)])
    found = (await client.get(one)).json()
    assert [(each["what"], each["quantity"], each["times"]) for each in found["sent"]] == [
        ("aggregate", 120, 1), ("sample", 42, 2),
    ]  # fmt: skip
    counted = {"issued": 1, "orders": 1, "customers": 1}
    assert found["response"] == counted | {"currency": "CNY", "revenue": 9_500, "revenue_elsewhere": {}}
    yen = ShopSettingsChanged(version=2, valid_from=NOW, zone="Asia/Shanghai", currency="JPY")
    async with client.database.transaction() as tx:
        await save(tx, [Event("s2", "/shops/tea/orders-ingest", "tea", None, NOW, yen, "settings")], folds=True)
    after = (await client.get(one)).json()["response"]
    assert after == counted | {"currency": "JPY", "revenue": 0, "revenue_elsewhere": {"CNY": 9_500}}, "decision 0070"
    ended = await client.post(f"{one}/decision", json={"decision": "ended", "by": "wu"})
    assert ended.json()["state"] == "ended"
    assert (await client.put(f"{one}/deliveries/d5", json=share)).status_code == 409
    (listed,) = (await client.get(f"{V1}/joint-campaigns", params={"state": "ended"})).json()["items"]
    assert (listed["campaign_id"], listed["campaign"]["partner"], listed["decided_by"]) == (
        "potter",
        "The potter",
        "wu",
    )

"""Surprises within a budget, on a real PostgreSQL (MEM-039)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from common.events import Event
from common.events.shops import ShopSettingsChanged
from common.shops.following import save
from membership.jobs.verifying import verify
from membership.programme.programme import Programme
from membership.programme.surprises import SurpriseRules

from ..conftest import NOW, V1, Client, Shop, rich


async def give(client: Client, command_id: str, customer: str = "c1", value: int = 400, what: str = "tea caddy") -> Any:
    body = {"command_id": command_id, "what": what, "value": value, "by": "wu"}
    return await client.post(f"{V1}/members/{customer}/surprises", json=body)


async def test_agents_surprise_members_within_the_months_budget(client: Client, shop: Shop) -> None:
    """The budget is of the shop and a month of its calendar; a member has so many a year; all is on record."""
    for n in range(4):
        await rich(client, shop, f"c{n}", f"o{n}")
    none = await give(client, "s0")
    assert (none.status_code, none.json()["left"]) == (409, 0)
    for what in (" ", "tea\ncaddy"):
        assert (await give(client, "s0", what=what)).status_code == 422, "the member reads it"
    body = {"programme": Programme(surprises=SurpriseRules(budget_a_month=1_000)).model_dump(mode="json")}
    assert (await client.put(f"{V1}/programme", json=body)).status_code == 200
    client.clock.set(NOW + timedelta(hours=1))
    answers = await asyncio.gather(*(give(client, f"s{n}", f"c{n}") for n in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409]
    one = await asyncio.gather(*(give(client, "same", f"c{n}", 1) for n in range(4)))
    assert sorted(answer.status_code for answer in one) == [200, 409, 409, 409], "of one id one is anybody's"
    page = (await client.get(f"{V1}/surprises")).json()
    assert (page["budget"], page["left"], len(page["items"])) == (1_000, 199, 3)
    twice = {item["customer"] for item in page["items"] if item["command_id"] == "same"}
    given = next(item for item in page["items"] if item["customer"] not in twice)
    again = await give(client, given["command_id"], given["customer"])
    assert (again.status_code, again.json()) == (200, given)
    assert (await give(client, given["command_id"], given["customer"], 1)).json()["type"].endswith("surprise_differs")
    assert (await give(client, "t1", given["customer"], 100)).status_code == 200
    assert (await give(client, "t2", given["customer"], 1)).json()["type"].endswith("surprised_enough")
    assert (await give(client, "t3", "nobody", 1)).status_code == 404
    assert await verify(client.database) == []
    client.clock.set(NOW + timedelta(days=20))
    assert (await client.get(f"{V1}/surprises", params={"limit": 1})).json()["left"] == 1_000
    mine = (await client.get(f"{V1}/members/{given['customer']}/surprises")).json()["items"]
    assert [(item["value"], item["currency"]) for item in mine] == [(400, "CNY"), (100, "CNY")]
    # The shop changes its currency within a month that has spent some: each currency has its own sum (decision 0070).
    await rich(client, shop, "c9", "o9")
    assert (await give(client, "u1", "c9", 400)).status_code == 200
    euro = ShopSettingsChanged(version=2, valid_from=NOW + timedelta(days=20), zone="Asia/Shanghai", currency="EUR")
    async with client.database.transaction() as tx:
        await save(tx, [Event("s2", "/shops/tea/orders-ingest", "tea", None, NOW, euro, "settings")], folds=True)
    client.clock.set(NOW + timedelta(days=20, hours=1))
    page = (await client.get(f"{V1}/surprises", params={"limit": 1})).json()
    assert (page["currency"], page["left"]) == ("EUR", 1_000)
    assert (await give(client, "u2", "c9", 700)).json()["currency"] == "EUR"
    costs = (await client.get(f"{V1}/report/customer-costs")).json()
    assert (costs["currency"], costs["kept"]["surprises"]) == ("EUR", 700)
    assert await verify(client.database) == []

"""Benefits over HTTP, on a real PostgreSQL: quotas, races, birthdays, early access, refusals (MEM-028 to 043)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.events import decode
from common.events.orders import OrderClosed
from membership.jobs.verifying import verify
from regulars.testing import scaled

from ..conftest import NOW, V1, Client, Shop, deliver, rich

USES = f"{V1}/members/c1/benefits/free_shipping/uses"


async def _left(client: Client) -> int:
    found = (await client.get(f"{V1}/members/c1/benefits")).json()
    quota = next(b["quota"] for b in found["benefits"] if b["benefit"] == "free_shipping")
    return int(quota["remaining"])


async def test_a_use_is_reserved_released_and_committed_and_announced(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    assert await _left(client) == 1
    first = await client.post(USES, json={"order_id": "o2"})
    again = await client.post(USES, json={"order_id": "o2"})
    assert first.json() == again.json()
    assert first.json() == {"benefit": "free_shipping", "order_id": "o2", "status": "reserved", "day": "2025-03-20"}
    refused = await client.post(USES, json={"order_id": "o3"})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/quota_exhausted")
    assert refused.json()["next_period"] == "2025-05-01"
    assert (await client.post(f"{USES}/o2/release")).json()["status"] == "released"
    assert await _left(client) == 1
    assert (await client.post(USES, json={"order_id": "o2"})).json()["status"] == "reserved"
    assert (await client.post(f"{USES}/o2/commit")).json()["status"] == "committed"
    ended = await client.post(f"{USES}/o2/release")
    assert (ended.status_code, ended.json()["type"]) == (409, "/problems/use_ended")
    client.clock.set(datetime(2025, 4, 30, 16, tzinfo=UTC))  # 1 May in Shanghai
    assert await _left(client) == 1
    async with client.database.transaction() as tx:
        rows = await tx.fetch("select payload from outbox where type = 'benefit.used' order by seq")
        commands = await tx.fetch("select payload from outbox where type like 'benefit.%ed' and type <> 'benefit.used'")
    assert [decode(row.payload).data.status for row in rows] == ["reserved", "released", "reserved", "committed"]
    assert await deliver(client.database, [decode(row.payload) for row in commands]) == 0
    assert await verify(client.database) == []


async def test_a_cancelled_order_gives_its_use_back(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await client.post(USES, json={"order_id": "o2"})
    closed = OrderClosed(order_id="o2", state="closed", currency="CNY", goods_paid=100)
    await deliver(client.database, [shop.event("c1", NOW + timedelta(hours=1), closed)])
    client.clock.set(NOW + timedelta(hours=2))
    assert await _left(client) == 1
    gone = await client.post(USES, json={"order_id": "o2"})
    assert (gone.status_code, gone.json()["type"]) == (409, "/problems/order_not_open")
    assert await verify(client.database) == []


async def test_of_many_orders_at_one_moment_exactly_the_quota_is_served(client: Client, shop: Shop) -> None:
    """MEM-033, L4: real transactions race for the uses of a Supreme member."""
    await deliver(client.database, [shop.completed("c1", NOW - timedelta(days=10), "o1", 600_000)])
    many = scaled(20, 1_000)

    async def use(number: int) -> int:
        while (answer := await client.post(USES, json={"order_id": f"n{number}"})).status_code == 503:
            pass  # too busy: once more
        return answer.status_code

    codes = await asyncio.gather(*(use(number) for number in range(many)))
    assert sorted(codes) == [200] * 2 + [409] * (many - 2)
    assert await _left(client) == 0
    assert await verify(client.database) == []


async def test_a_birthday_gift_is_given_on_the_day_and_once(client: Client, shop: Shop) -> None:
    """MEM-055, MEM-056: the birthday is told with the request and is not stored."""
    await rich(client, shop)
    gift = f"{V1}/members/c1/benefits/birthday_gift/uses"
    answers = [
        await client.post(gift, json={"order_id": "b1", **more})
        for more in ({}, {"birthday": "03-21"}, {"birthday": "02-30"}, {"birthday": "03-20"})
    ]
    assert [a.status_code for a in answers] == [422, 409, 422, 200]
    again = await client.post(gift, json={"order_id": "b2", "birthday": "03-20"})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/quota_exhausted")
    async with client.database.transaction() as tx:
        assert await tx.value("select count(*) from history where fields::text like '%birthday\":%'") == 0


async def test_members_are_let_in_before_the_public_and_nobody_else(client: Client, shop: Shop) -> None:
    """MEM-037."""
    await rich(client, shop)
    at = (NOW + timedelta(hours=12)).isoformat().replace("+00:00", "Z")
    member = (await client.get(f"{V1}/members/c1/access", params={"public_from": at})).json()
    stranger = (await client.get(f"{V1}/members/nobody/access", params={"public_from": at})).json()
    assert (member["allowed"], member["member"]) == (True, True)
    assert (stranger["allowed"], stranger["opens_at"]) == (False, stranger["public_from"])
    client.clock.set(NOW + timedelta(hours=12))
    assert (await client.get(f"{V1}/members/nobody/access", params={"public_from": at})).json()["allowed"] is True


@pytest.mark.parametrize(
    ("path", "body", "status", "slug"),
    [
        ("c1/benefits/lounge/uses", {"order_id": "x"}, 409, "benefit_not_held"),
        ("c1/benefits/trial_priority/uses", {"order_id": "x"}, 422, "benefit_without_quota"),
        ("c1/benefits/jet/uses", {"order_id": "x"}, 422, "invalid_request"),
        ("c1/benefits/free_shipping/uses", {}, 422, "invalid_request"),
        ("nobody/benefits/free_shipping/uses", {"order_id": "x"}, 404, "unknown_member"),
        ("c1/benefits/free_shipping/uses/x/release", None, 404, "unknown_use"),
    ],
)
async def test_what_is_refused_changes_nothing(
    client: Client, shop: Shop, path: str, body: Any, status: int, slug: str
) -> None:
    await rich(client, shop)
    answer = await client.post(f"{V1}/members/{path}", json=body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    async with client.database.transaction() as tx:
        assert await tx.value("select count(*) from outbox where type like 'benefit.%'") == 0
        assert await tx.value("select count(*) from customers where customer = 'nobody'") == 0

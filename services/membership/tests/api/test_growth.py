"""Growth value and activities over HTTP, on a real PostgreSQL (MEM-016)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from common.events import decode
from common.events.feedback import ReviewSubmitted
from membership.jobs.verifying import verify
from membership.programme.programme import Programme, Tier

from ..conftest import NOW, V1, Client, Shop, deliver, rich

DRIVEN = Programme(
    tiers=(Tier(name="Regular"), Tier(name="Senior", growth=650, points=900), Tier(name="VIP", growth=800)),
    becomes={"supreme": "vip"},
)


async def driven_by_growth(client: Client, shop: Shop) -> None:
    """c1: a member with a growth value of 600 in a shop whose tiers come of growth or points."""
    await client.put(f"{V1}/programme", json={"programme": DRIVEN.model_dump(mode="json")})
    client.clock.set(NOW + timedelta(days=1))
    await deliver(client.database, [shop.completed("c1", NOW + timedelta(hours=1), "o1", 60_000)])


async def test_the_way_up_tells_growth_points_and_what_earns_them(client: Client, shop: Shop) -> None:
    """MEM-018: current tier, current growth value, next tier, gap to it and what earns it."""
    await driven_by_growth(client, shop)
    found = (await client.get(f"{V1}/members/c1/path")).json()
    assert (found["tier"], found["next_tier"], found["growth"], found["points"]) == ("Regular", "Senior", 600, 600)
    assert (found["missing_growth"], found["missing_points"]) == (50, 300)
    assert (found["missing_spend"], found["missing_orders"]) == (None, None)
    assert "20 for a review" in found["earns"]


async def test_an_activity_counts_once_and_may_lift_the_tier(client: Client, shop: Shop) -> None:
    """MEM-016: joining earns growth value, which leads to a tier."""
    await driven_by_growth(client, shop)
    body = {"activity_id": "spring", "kind": "referral"}
    answers = [(await client.post(f"{V1}/members/c1/activities", json=body)).json() for _ in range(3)]
    assert answers[0] == {"origin": "referral/spring", "status": "counted", "earned": 50, "growth": 650}
    assert answers[1] == answers[2] == {**answers[0], "status": "counted_already"}
    found = (await client.get(f"{V1}/members/c1")).json()
    assert (found["tier"], found["growth"]) == ("Senior", 650)
    async with client.database.transaction() as tx:
        types = [row.type for row in await tx.fetch("select type from outbox order by seq desc limit 3")]
    assert types == ["balances.changed", "tier.changed", "activity.joined"]
    assert await verify(client.database) == []


async def test_one_check_in_a_day_of_the_shop_however_many_at_once(client: Client, shop: Shop) -> None:
    """MEM-046: two sign-ins on one day are one award; the shop's day begins at 16:00 UTC."""
    await rich(client, shop)
    answers = await asyncio.gather(*(client.post(f"{V1}/members/c1/check-ins") for _ in range(10)))
    assert sorted(a.json()["status"] for a in answers) == ["counted"] + ["counted_already"] * 9
    assert {a.json()["origin"] for a in answers} == {"check-in/2025-03-20"}
    client.clock.set(NOW.replace(hour=15, minute=59))
    assert (await client.post(f"{V1}/members/c1/check-ins")).json()["status"] == "counted_already"
    client.clock.set(NOW.replace(hour=16))
    assert (await client.post(f"{V1}/members/c1/check-ins")).json()["growth"] == 602


async def test_the_growth_ledger_is_paged_and_its_sum_is_the_value(client: Client, shop: Shop) -> None:
    """MEM-016, MEM-053: a ledger of its own; a refund takes growth value back."""
    await rich(client, shop)
    await deliver(
        client.database,
        [
            shop.event("c1", NOW - timedelta(days=1), ReviewSubmitted(review_id="r1", stars=2)),
            shop.refunded("c1", NOW - timedelta(hours=1), "o1", 10_001),
        ],
    )
    first = (await client.get(f"{V1}/members/c1/growth", params={"limit": 2})).json()
    rest = (await client.get(f"{V1}/members/c1/growth", params={"limit": 2, "after": first["after"]})).json()
    entries = [(e["origin"], e["amount"]) for e in [*first["entries"], *rest["entries"]]]
    assert entries == [("order/o1", 600), ("review/r1", 20), ("order/o1", -101)]
    assert (first["growth"], rest["after"]) == (519, None)


async def test_activities_that_come_back_from_the_bus_are_repetitions(client: Client, shop: Shop) -> None:
    """Commands are published on our own topic, for a rebuild."""
    await rich(client, shop)
    await client.post(f"{V1}/members/c1/check-ins")
    await client.post(f"{V1}/members/c1/activities", json={"activity_id": "a" * 200})
    async with client.database.transaction() as tx:
        rows = await tx.fetch("select payload from outbox where type in ('member.checked_in', 'activity.joined')")
    assert len(rows) == 2
    assert await deliver(client.database, [decode(row.payload) for row in rows]) == 0


@pytest.mark.parametrize(
    ("customer", "body", "status", "slug"),
    [
        ("stranger", {"activity_id": "a"}, 404, "unknown_member"),
        ("buyer", {"activity_id": "a"}, 404, "unknown_member"),
        ("c1", {"activity_id": "a b"}, 422, "invalid_request"),
        ("c1", {"activity_id": ""}, 422, "invalid_request"),
        ("c1", {"activity_id": "a", "kind": "like"}, 422, "invalid_request"),
        ("c1", {"activity_id": "a", "growth": 9_999}, 422, "invalid_request"),
    ],
)
async def test_an_activity_that_cannot_be_is_refused_and_changes_nothing(
    client: Client, shop: Shop, customer: str, body: dict[str, Any], status: int, slug: str
) -> None:
    await rich(client, shop)
    await deliver(client.database, [shop.paid("buyer", NOW, "q1", 100)])
    answer = await client.post(f"{V1}/members/{customer}/activities", json=body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    async with client.database.transaction() as tx:
        assert await tx.value("select count(*) from customers") == 2
        assert await tx.value("select count(*) from ledger where book = 'growth'") == 2

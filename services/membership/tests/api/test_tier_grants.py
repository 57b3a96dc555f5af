"""Tiers granted by hand over HTTP: the work list, a second person, the month's limit, on PostgreSQL (MEM-020)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from membership.jobs.verifying import verify
from membership.programme.programme import FastTrack, Programme

from ..conftest import NOW, V1, Client, Shop, deliver, rich

GRANT = f"{V1}/members/c1/tier-grants"


def asked(**more: Any) -> dict[str, Any]:
    return {"command_id": "g1", "tier": "vip", "reason": "spring campaign", "by": "li", **more}


async def test_a_campaigns_candidate_is_listed_and_granted_by_one_person(client: Client, shop: Shop) -> None:
    track = FastTrack(tier="vip", spend=60_000, start=NOW, end=NOW + timedelta(days=30), by_hand=True)
    body = {"programme": Programme(fast_tracks=(track,)).model_dump(mode="json")}
    assert (await client.put(f"{V1}/programme", json=body)).status_code == 200
    client.clock.set(NOW + timedelta(days=1))
    await deliver(client.database, [shop.completed("c1", NOW + timedelta(hours=2), "o1", 60_000)])
    await client.issue_key()
    listed = (await client.get(f"{V1}/tier-candidates")).json()
    assert listed == {"items": [{"customer": "c1", "tier": "senior", "candidate": "vip"}], "after": None}
    both = [await client.post(GRANT, json=asked()) for _ in range(2)]
    assert [(a.status_code, a.json()["state"], a.json()["decided_by"]) for a in both] == [(200, "granted", None)] * 2
    assert (await client.get(f"{V1}/members/c1")).json()["tier_id"] == "vip"
    assert (await client.get(f"{V1}/tier-candidates")).json()["items"] == []
    held = await client.post(GRANT, json=asked(command_id="g2"))
    assert (held.status_code, held.json()["type"]) == (409, "/problems/tier_held")
    assert await verify(client.database) == []


async def test_any_other_grant_waits_for_a_second_person_and_survives_a_refund(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await client.issue_key()
    assert (await client.post(GRANT, json=asked(tier="supreme"))).json()["state"] == "proposed"
    waiting = (await client.get(f"{V1}/tier-grants?state=proposed")).json()["items"]
    assert [(item["tier"], item["reason"]) for item in waiting] == [("supreme", "spring campaign")]
    assert (await client.post(f"{V1}/tier-grants/g1/approve", json={"by": "li"})).status_code == 403
    assert (await client.post(f"{V1}/adjustments/g1/approve", json={"by": "zhou"})).status_code == 404
    assert (await client.post(f"{V1}/tier-grants/g1/approve", json={"by": "zhou"})).json()["state"] == "granted"
    await deliver(client.database, [shop.refunded("c1", NOW - timedelta(days=5), "o1", 60_000)])
    assert (await client.get(f"{V1}/members/c1")).json()["tier_id"] == "supreme"
    assert await verify(client.database) == []


async def test_one_person_grants_so_many_tiers_a_month_and_no_tier_that_is_not_there(
    client: Client, shop: Shop
) -> None:
    await rich(client, shop)
    await client.issue_key()
    unknown = await client.post(GRANT, json=asked(tier="platinum"))
    assert (unknown.status_code, unknown.json()["type"]) == (422, "/problems/no_such_tier")
    programme = (await client.get(f"{V1}/programme")).json()["programme"]
    programme["approvals"] |= {"tiers_a_month": 1, "tiers_alone": "all"}
    assert (await client.put(f"{V1}/programme", json={"programme": programme})).status_code == 200
    client.clock.set(NOW + timedelta(hours=1))
    assert (await client.post(GRANT, json=asked())).json()["state"] == "granted"
    many = await client.post(GRANT, json=asked(command_id="g2", tier="supreme"))
    assert (many.status_code, many.json()["type"]) == (409, "/problems/too_many_grants")
    other = await client.post(GRANT, json=asked(command_id="g2", tier="supreme", by="zhou"))
    assert other.json()["state"] == "granted"

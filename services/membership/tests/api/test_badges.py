"""Badges and the agents' view over HTTP: signed, for a day, naming nobody; one call for all (MEM-009, MEM-024)."""

from __future__ import annotations

from datetime import timedelta

from ..conftest import NOW, V1, Client, Shop, rich
from .offering import issued, offered


async def test_a_badge_shows_tier_price_and_quota_to_anybody_for_a_day(client: Client, shop: Shop) -> None:
    await rich(client, shop, customer="ann")
    found = (await client.get(f"{V1}/members/ann/badge")).json()
    assert found["text"] == "Senior · 98 % · free shipping 1"
    assert found["url"] in found["html"]
    path = found["url"].partition("8080")[2]
    picture = await client.get(path, headers={"authorization": ""})
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/svg+xml")
    assert "Senior · 98 % · free shipping 1" in picture.text
    token = path.rpartition("/")[2]
    assert (await client.get(path[:-3] + ("AAA" if not token.endswith("AAA") else "BBB"))).status_code == 404
    for bad in ("x", "%25", "A" * 3_000):
        answer = await client.get(f"/badges/{bad}")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/bad_badge")
    client.clock.set(NOW + timedelta(hours=24))
    assert (await client.get(path)).status_code == 404


async def test_a_tiers_name_cannot_carry_markup_into_a_page(client: Client, shop: Shop) -> None:
    tiers = [{"name": '<script>"&'}]
    await client.put(
        f"{V1}/programme",
        json={
            "programme": {
                "tiers": tiers,
                "becomes": {
                    "regular": '<script>"&',
                    "senior": '<script>"&',
                    "vip": '<script>"&',
                    "supreme": '<script>"&',
                },
            }
        },
    )
    client.clock.set(NOW + timedelta(minutes=6))
    await client.post(f"{V1}/members", json={"customer": "c1"})
    found = (await client.get(f"{V1}/members/c1/badge")).json()
    picture = await client.get(found["url"].partition("8080")[2])
    assert "<script>" not in found["html"]
    assert "<script>" not in picture.text
    assert "&lt;script&gt;" in picture.text


async def test_one_view_tells_an_agent_all_of_a_member(client: Client, shop: Shop) -> None:
    """MEM-009."""
    await rich(client, shop)
    await offered(client)
    (code,) = await issued(client, ["c1"])
    found = (await client.get(f"{V1}/members/c1/view")).json()
    for name, path in (("member", ""), ("path", "/path"), ("benefits", "/benefits"), ("check_ins", "/check-ins")):
        assert found[name] == (await client.get(f"{V1}/members/c1{path}")).json()
    assert [each["code"] for each in found["coupons"]] == [code]
    ledger = (await client.get(f"{V1}/members/c1/ledger")).json()["entries"]
    assert found["entries"] == ledger[::-1][:10]
    assert (await client.get(f"{V1}/members/nobody/view")).status_code == 404

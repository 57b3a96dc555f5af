"""Communities on a real PostgreSQL: eligible by the tier as it stands (MEM-040, MEM-094 to 097, 106)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ..conftest import NOW, V1, Client, Shop, deliver, rich


async def made(client: Client, **terms: Any) -> Any:
    community = {"name": "Oolong circle", "channel": "wechat_group", "owner": "adviser wu", "theme": "oolong", **terms}
    return await client.put(f"{V1}/communities/circle", json={"community": community, "by": "wu"})


async def say(client: Client, customer: str, status: str) -> Any:
    return await client.put(f"{V1}/communities/circle/members/{customer}", json={"status": status, "by": "wu"})


async def test_who_may_be_in_a_community_follows_the_tier(client: Client, shop: Shop) -> None:
    for n in range(3):
        await rich(client, shop, f"c{n}", f"o{n}")
    await deliver(client.database, [shop.completed("small", NOW - timedelta(days=3), "s", 1_000)])
    assert (await made(client, tier_from="gold")).status_code == 422
    assert (await say(client, "c0", "joined")).status_code == 404
    assert (await made(client, tier_from="senior")).status_code == 200
    asked = [(await say(client, *each)).status_code for each in (
        ("c0", "invited"), ("c0", "joined"), ("c1", "joined"), ("small", "joined"), ("nobody", "joined"),
    )]  # fmt: skip
    assert asked == [200, 200, 200, 409, 404]
    eligible = (await client.get(f"{V1}/communities/circle/eligible", params={"limit": 2})).json()
    assert [(row["customer"], row["status"]) for row in eligible["items"]] == [("c0", "joined"), ("c1", "joined")]
    last = (await client.get(f"{V1}/communities/circle/eligible", params={"after": eligible["after"]})).json()
    assert (last["items"], last["after"]) == ([{"customer": "c2", "tier": "senior", "status": None}], None)
    await deliver(client.database, [shop.refunded("c1", NOW - timedelta(days=1), "o1", 60_000)])
    members = (await client.get(f"{V1}/communities/circle/members")).json()["items"]
    assert [(row["customer"], row["eligible"]) for row in members] == [("c0", True), ("c1", False)]
    assert (await say(client, "c1", "removed")).json()["status"] == "removed"
    assert (await made(client, open=False)).status_code == 200
    assert (await say(client, "c2", "joined")).json()["type"].endswith("community_closed")
    (one,) = (await client.get(f"{V1}/communities")).json()["items"]
    assert (one["community"]["theme"], one["community"]["open"]) == ("oolong", False)

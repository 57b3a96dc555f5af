"""Activities on a real PostgreSQL: who may, the last place, attendance, draws (MEM-037, 038, 101 to 105)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from membership.activities.rules import seed_hash, winners
from membership.jobs.verifying import verify

from ..conftest import NOW, V1, Client, Shop, deliver, rich

DAY = timedelta(days=1)


async def planned(client: Client, name: str = "spring", **terms: Any) -> Any:
    times = {"starts": NOW + 3 * DAY, "ends": NOW + 4 * DAY, **terms}
    body = {"name": "Spring", **{k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in times.items()}}
    return await client.put(f"{V1}/activities/{name}", json=body)


async def take(client: Client, customer: str, name: str = "spring", status: str = "taken") -> Any:
    while (
        answer := await client.put(f"{V1}/activities/{name}/entries/{customer}", json={"status": status})
    ).status_code == 503:
        await asyncio.sleep(0.05)
    return answer


async def came(client: Client, customer: str) -> Any:
    return await client.put(f"{V1}/activities/spring/attendance/{customer}", json={"by": "wu"})


async def test_the_last_place_is_ones_and_comes_back_when_it_is_given_back(client: Client, shop: Shop) -> None:
    """MEM-037: a Senior has 12 hours of head start; who is no member waits for the public start."""
    for n in range(6):
        await rich(client, shop, f"c{n}", f"o{n}")
    await deliver(client.database, [shop.paid("guest", NOW, "g", 100)])
    assert (await planned(client, public_from=NOW + timedelta(hours=11), places=2)).json()["left"] == 2
    assert (await planned(client, public_from=NOW + timedelta(hours=9), places=2)).status_code == 409
    early = await take(client, "guest")
    assert (early.status_code, early.json()["type"].rpartition("/")[2]) == (409, "not_open_yet")
    answers = await asyncio.gather(*(take(client, f"c{n}") for n in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409, 409, 409]
    (first, *_) = [n for n, answer in enumerate(answers) if answer.status_code == 200]
    (other, *_) = [n for n, answer in enumerate(answers) if answer.status_code == 409]
    assert (await take(client, f"c{first}")).json()["status"] == "taken"
    assert (await take(client, f"c{first}", status="given_back")).json()["status"] == "given_back"
    assert (await take(client, f"c{other}")).json()["status"] == "taken"
    assert (await take(client, "nobody")).status_code == 404
    nothing = [await take(client, "guest", status="given_back"), await take(client, "guest")]
    assert [answer.json()["type"].rpartition("/")[2] for answer in nothing] == ["no_place", "not_open_yet"]
    assert (await take(client, "c0", "none")).status_code == 404
    assert await verify(client.database) == []
    client.clock.set(NOW + 4 * DAY)
    assert (await take(client, f"c{first}")).json()["type"].endswith("activity_over")


async def test_who_is_invited_may_come_who_came_has_joined_and_prizes_are_drawn_once(
    client: Client, shop: Shop
) -> None:
    """MEM-101, MEM-102, MEM-104: invitation, place, attendance, which earns growth once, and a draw by its seed."""
    for n in range(4):
        await rich(client, shop, f"c{n}", f"o{n}")
    hidden = (await planned(client, prizes=2)).json()
    assert (hidden["seed"], len(hidden["seed_hash"])) == (None, 64)
    assert (await take(client, "c0")).json()["type"].endswith("not_open_yet")
    body = {"customers": ["c0", "c1", "c2"], "by": "wu"}
    invited = [(await client.post(f"{V1}/activities/spring/invitations", json=body)).json()["invited"] for _ in "ab"]
    assert invited == [3, 0]
    assert [(await take(client, name)).status_code for name in ("c0", "c1", "c2")] == [200, 200, 200]
    assert [(await take(client, "c1", status=how)).json()["status"] for how in ("given_back", "taken")] == [
        "given_back", "taken",
    ]  # fmt: skip
    before = (await client.get(f"{V1}/members/c0")).json()["growth"]
    assert [(await came(client, name)).json()["status"] for name in ("c0", "c0", "c3")] == ["attended"] * 3
    assert (await client.get(f"{V1}/members/c0")).json()["growth"] == before + 10
    assert (await take(client, "c0", status="given_back")).json()["type"].endswith("attended_already")
    drawn = [(await client.post(f"{V1}/activities/spring/draw", json={"by": by})).json() for by in ("wu", "li")]
    assert drawn[0] == drawn[1]
    assert seed_hash(drawn[0]["seed"]) == hidden["seed_hash"]
    entries = (await client.get(f"{V1}/activities/spring/entries")).json()["items"]
    prizes = {entry["prize"]: entry["customer"] for entry in entries if entry["prize"]}
    assert [prizes[1], prizes[2]] == winners(drawn[0]["seed"], ["c0", "c1", "c2", "c3"], 2)
    mine = (await client.get(f"{V1}/members/c3/activities")).json()["items"]
    assert [entry["status"] for entry in mine] == ["attended"]
    when = {"start": NOW.isoformat(), "end": (NOW + 9 * DAY).isoformat()}
    assert [a["taken"] for a in (await client.get(f"{V1}/activities", params=when)).json()["items"]] == [4]
    assert await verify(client.database) == []

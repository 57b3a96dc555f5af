"""Activities on a real PostgreSQL: who may, the last place, attendance, draws (MEM-037, 038, 101 to 105)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from common.events.customers import CustomerErased, CustomerMerged, CustomerUnmerged
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


async def came(client: Client, customer: str, *, came: bool = True) -> Any:
    return await client.put(f"{V1}/activities/spring/attendance/{customer}", json={"by": "wu", "came": came})


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
    early = [await came(client, "c0"), await client.post(f"{V1}/activities/spring/draw", json={"by": "wu"})]
    assert [answer.json()["type"] for answer in early] == ["/problems/not_begun"] * 2
    client.clock.set(NOW + 3 * DAY)
    assert [(await came(client, name)).json()["status"] for name in ("c0", "c0", "c3")] == ["attended"] * 3
    assert (await client.get(f"{V1}/members/c0")).json()["growth"] == before + 10
    assert (await take(client, "c0", status="given_back")).json()["type"].endswith("attended_already")
    await came(client, "c3", came=False)
    assert (await client.get(f"{V1}/members/c3")).json()["growth"] == before, "who did not come after all"
    await came(client, "c3")
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


async def test_a_person_has_one_chance_and_who_was_erased_takes_no_place(client: Client, shop: Shop) -> None:
    """ORD-040, SEC-006: two identifiers of one person have one place; places of the erased are free again."""
    for n in range(4):
        await rich(client, shop, f"c{n}", f"o{n}")
    await planned(client, public_from=NOW - DAY, prizes=3, places=4)
    for n in range(4):
        assert (await take(client, f"c{n}")).status_code == 200
    community = {"community": {"name": "Circle", "channel": "wechat_group"}, "by": "wu"}
    await client.put(f"{V1}/communities/circle", json=community)
    await client.put(f"{V1}/communities/circle/members/c3", json={"status": "joined", "by": "wu"})
    partner = {"status": "active", "affiliate_id": "mm_1", "commission_source": "Li Wei", "by": "wu"}
    await client.put(f"{V1}/members/c3/partnerships/affiliate", json=partner)
    await deliver(
        client.database,
        [
            shop.event("c2", NOW, CustomerMerged(survivor="c2", absorbed="c1", sequence=1)),
            shop.event("c3", NOW, CustomerErased()),
        ],
    )
    (erased,) = (await client.get(f"{V1}/partners", params={"kind": "affiliate"})).json()["items"]
    assert (erased["status"], erased["affiliate_id"], erased["commission_source"]) == ("ended", None, None)
    (left,) = (await client.get(f"{V1}/communities/circle/members")).json()["items"]
    assert left["status"] == "removed"
    assert (await take(client, "c3")).json()["type"].endswith("customer_erased")
    assert (await client.get(f"{V1}/activities/spring")).json()["left"] == 2
    apart = CustomerUnmerged(survivor="c2", absorbed="c1", sequence=2)
    await deliver(client.database, [shop.event("c2", NOW + timedelta(hours=1), apart)])
    assert (await take(client, "c2")).json()["status"] == "taken"
    again = CustomerMerged(survivor="c2", absorbed="c1", sequence=3)
    await deliver(client.database, [shop.event("c2", NOW + timedelta(hours=2), again)])
    assert (await client.get(f"{V1}/activities/spring")).json()["left"] == 2
    client.clock.set(NOW + 3 * DAY)
    await client.post(f"{V1}/activities/spring/draw", json={"by": "wu"})
    entries = (await client.get(f"{V1}/activities/spring/entries")).json()["items"]
    assert sorted(entry["customer"] for entry in entries if entry["prize"]) == ["c0", "c1"]
    assert await verify(client.database) == []

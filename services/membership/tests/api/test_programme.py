"""Versions of a programme over HTTP: put once, listed, read, withdrawn; a new ladder is announced when in force."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from common.events import decode
from common.work import set_aside
from membership.jobs.verifying import verify
from membership.programme.programme import Programme

from ..conftest import NOW, V1, Client, Shop, deliver, rich, sweep

METALS: dict[str, Any] = {
    "tiers": [{"name": "Regular"}, {"name": "Silver", "orders": 2}, {"name": "Gold", "orders": 9}],
    "becomes": {"senior": "silver", "vip": "gold", "supreme": "gold"},
}


async def put(client: Client, programme: Any, **more: Any) -> Any:
    return await client.put(f"{V1}/programme", json={"programme": programme, **more})


async def versions(client: Client) -> list[tuple[int, str]]:
    found = (await client.get(f"{V1}/programme/versions")).json()["versions"]
    return [(version["version"], version["status"]) for version in found]


async def test_the_same_again_makes_no_version(client: Client) -> None:
    body = {"grace_days": 3}
    answers = [(await put(client, body)).json() for _ in range(2)]
    client.clock.set(NOW + timedelta(hours=1))
    answers.append((await put(client, body)).json())
    answers.append((await put(client, body, valid_from=answers[0]["valid_from"])).json())
    assert [answer["version"] for answer in answers] == [1, 1, 1, 1]
    assert (await put(client, {"grace_days": 4})).json()["version"] == 2
    assert (await put(client, body)).json()["version"] == 3


async def test_who_has_read_another_version_than_the_newest_replaces_nothing(client: Client) -> None:
    assert (await put(client, {"grace_days": 3}, replaces=0)).json()["version"] == 1
    stale = await put(client, {"grace_days": 4}, replaces=0)
    assert (stale.status_code, stale.json()["type"], stale.json()["newest"]) == (409, "/problems/programme_replaced", 1)
    assert (await put(client, {"grace_days": 3}, replaces=0)).status_code == 200, "a repeat is no other version"
    assert (await client.get(f"{V1}/programme")).json()["newest"] == 1
    assert (await put(client, {"grace_days": 4}, replaces=1)).json()["version"] == 2


async def test_versions_are_listed_read_and_withdrawn(client: Client) -> None:
    await put(client, {"grace_days": 1})
    client.clock.set(NOW + timedelta(hours=1))
    await put(client, {"grace_days": 2})
    client.clock.set(NOW + timedelta(hours=2))
    await put(client, {"grace_days": 3}, valid_from=(NOW + timedelta(days=9)).isoformat())
    assert await versions(client) == [(3, "coming"), (2, "in_force"), (1, "past")]
    past = (await client.get(f"{V1}/programme/versions/1")).json()
    assert (past["version"], past["programme"]["grace_days"]) == (1, 1)
    for _ in range(2):
        assert (await client.delete(f"{V1}/programme/versions/3")).status_code == 200
    assert await versions(client) == [(3, "withdrawn"), (2, "in_force"), (1, "past")]
    client.clock.set(NOW + timedelta(days=10))
    assert (await client.get(f"{V1}/programme")).json()["version"] == 2
    assert (await put(client, {"grace_days": 3})).json()["version"] == 4, "its number is not used again"
    refused = await client.delete(f"{V1}/programme/versions/2")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/version_in_force")
    assert (await client.delete(f"{V1}/programme/versions/9")).status_code == 404
    async with client.database.transaction() as tx:
        facts = await tx.fetch("select payload from outbox where type like 'programme.%' order by seq")
    assert [(event.type, event.data.version) for event in (decode(row.payload) for row in facts)] == [
        ("programme.changed", 1),
        ("programme.changed", 2),
        ("programme.changed", 3),
        ("programme.withdrawn", 3),
        ("programme.changed", 4),
    ]


async def test_a_version_that_a_rebuild_reads_back_stays_withdrawn(client: Client, new_db: Any) -> None:
    await put(client, {"grace_days": 3}, valid_from=(NOW + timedelta(days=9)).isoformat())
    await client.delete(f"{V1}/programme/versions/1")
    async with client.database.transaction() as tx:
        facts = await tx.fetch("select payload from outbox order by seq")
    anew = await new_db()
    await deliver(anew, [decode(row.payload) for row in facts])
    async with anew.transaction() as tx:
        assert await tx.value("select withdrawn_at is not null from programmes") is True


async def test_what_members_read_of_a_benefit_shows_something_and_what_was_taken_before_is_read(client: Client) -> None:
    def noted(note: str | None) -> dict[str, Any]:
        lowest = {"name": "Regular", "benefits": [{"kind": "lounge", "note": note}]}
        return {**METALS, "tiers": [lowest, *METALS["tiers"][1:]]}

    for note in (" ", "", "by the\nwindow"):
        for path in ("programme", "programme/preview"):
            answer = await client.request(
                "PUT" if path == "programme" else "POST", f"{V1}/{path}", json={"programme": noted(note)}
            )
            assert (answer.status_code, "`note` must" in answer.text) == (422, True), (path, note)
    for programme in (noted("by the window"), noted(None)):
        assert (await put(client, programme)).status_code == 200
    Programme.model_validate(noted(" "))


async def test_a_tier_must_not_vanish_without_a_successor(client: Client) -> None:
    lost = await put(client, {**METALS, "becomes": {"senior": "silver"}})
    assert (lost.status_code, lost.json()["type"]) == (422, "/problems/tier_without_successor")
    assert lost.json()["tiers"] == ["vip", "supreme"]
    assert (await put(client, METALS, valid_from=(NOW + timedelta(days=9)).isoformat())).status_code == 200
    between = await put(
        client,
        {
            "tiers": [{"name": "One"}, {"name": "Two", "orders": 1}],
            "becomes": dict.fromkeys(("regular", "senior", "vip", "supreme"), "one"),
        },
    )
    assert (between.status_code, between.json()["tiers"]) == (422, ["one", "two"]), "what follows does not know them"


async def test_a_new_ladder_is_announced_when_it_takes_force_for_all_touched_since(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    await deliver(client.database, [shop.paid("buyer", NOW, "o5", 500)])
    await put(client, METALS, valid_from=(NOW + timedelta(days=9)).isoformat())
    await sweep(client.database)
    assert await verify(client.database) == []
    client.clock.set(NOW + timedelta(days=9))
    await sweep(client.database)
    async with client.database.transaction() as tx:
        rows = await tx.fetch("select payload from outbox where type = 'tier.changed' order by seq")
    changes = [decode(row.payload) for row in rows]
    assert [(c.data.old_id, c.data.new_id, c.data.reason) for c in changes] == [
        ("regular", "senior", "upgrade"),
        ("senior", "silver", "programme"),
    ]
    assert changes[-1].time == NOW + timedelta(days=9)
    found = (await client.get(f"{V1}/members/c1")).json()
    assert (found["tier"], found["tier_id"], found["level"], found["term"]) == ("Silver", "silver", 1, "2026-03-10")
    assert await verify(client.database) == []


@pytest.mark.parametrize("swept", [True, False])
async def test_a_ladder_that_is_withdrawn_changes_nobody(client: Client, shop: Shop, swept: bool) -> None:
    await rich(client, shop)
    await put(client, METALS, valid_from=(NOW + timedelta(days=9)).isoformat())
    if swept:
        await sweep(client.database)
    await client.delete(f"{V1}/programme/versions/1")
    client.clock.set(NOW + timedelta(days=9))
    await sweep(client.database)
    assert (await client.get(f"{V1}/members/c1")).json()["tier_id"] == "senior"
    assert await verify(client.database) == []


async def test_a_member_whose_row_cannot_be_written_keeps_no_other_from_a_new_ladder(
    client: Client, shop: Shop
) -> None:
    """The member is set aside and shown; once the row can be written again, the next try makes up for it."""
    everybody = [f"m{number}" for number in range(5)]
    await deliver(client.database, [shop.completed(name, NOW, f"o-{name}", 60_000) for name in everybody])
    await sweep(client.database)
    async with client.database.transaction() as tx:
        await tx.execute(
            "create function refuse() returns trigger language plpgsql as $$ begin raise 'planted'; end $$"
        )
        await tx.execute(
            "create trigger planted before update of due_at on customers for each row when (new.customer = 'm2')"
            " execute function refuse()"
        )
    starts = NOW + timedelta(days=9)
    assert (await put(client, METALS, valid_from=starts.isoformat())).status_code == 200
    await sweep(client.database, limit=3)
    due = "select customer from customers where due_at = :starts order by 1"
    async with client.database.transaction() as tx:
        assert [row.customer for row in await tx.fetch(due, starts=starts)] == ["m0", "m1", "m3", "m4"]
        (task,) = await set_aside.list_tasks(tx, ("", "", "", ""), 9)
        assert (task["job"], task["customer"], task["what"]) == ("ladders", "m2", "1")
        await tx.execute("drop trigger planted on customers")
        await set_aside.retry_now(tx, None, tx.clock.now())
    await sweep(client.database)
    async with client.database.transaction() as tx:
        assert [row.customer for row in await tx.fetch(due, starts=starts)] == everybody
        assert await set_aside.count_by_job(tx) == {}


@pytest.mark.parametrize(("months", "tier"), [(12, "regular"), (24, "senior")])
async def test_a_window_longer_than_any_before_counts_what_lies_that_far_back(
    client: Client, shop: Shop, months: int, tier: str
) -> None:
    """MEM-023: sums by day reach as far as any version looks, so a longer look has the shop's members folded anew."""
    old = NOW - timedelta(days=20 * 30)
    await deliver(client.database, [shop.completed("c1", old + timedelta(days=n), f"o{n}", 20_000) for n in range(2)])
    await put(client, {"window_months": months})
    async with client.database.transaction() as tx:
        assert await tx.value("select count(*) from refolds") == int(months > 12)
    await sweep(client.database)
    await sweep(client.database)
    client.clock.set(NOW + timedelta(hours=1))
    await deliver(client.database, [shop.completed("c1", NOW + timedelta(minutes=30), "o9", 20_000)])
    assert (await client.get(f"{V1}/members/c1")).json()["tier_id"] == tier
    assert await verify(client.database) == []

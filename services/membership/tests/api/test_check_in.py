"""Check-ins over HTTP: streak and points are shown, repeats are harmless, verify agrees (MEM-046)."""

from __future__ import annotations

from datetime import timedelta

from common.events import decode
from membership.jobs.verifying import verify

from ..conftest import NOW, V1, Client, Shop, rich


async def test_streak_and_points_are_shown_and_announced(client: Client, shop: Shop) -> None:
    await rich(client, shop)
    for day in (0, 1, 1, 2):
        client.clock.set(NOW + timedelta(days=day))
        answer = (await client.post(f"{V1}/members/c1/check-ins")).json()
    assert (answer["streak"], answer["points"], answer["status"]) == (3, 3, "counted")
    path = f"{V1}/members/c1/check-ins"
    assert (await client.get(path)).json() == {"last": "2025-03-22", "streak": 3, "points": 3, "next_points": 1}
    client.clock.set(NOW + timedelta(days=4))
    assert (await client.get(path)).json()["streak"] == 0
    assert (await client.get(f"{V1}/members/c1")).json()["available"] == 603
    async with client.database.transaction() as tx:
        rows = await tx.fetch("select payload from outbox where type = 'check_in.counted' order by seq")
    assert [decode(row.payload).data.streak for row in rows] == [1, 2, 3]
    assert await verify(client.database) == []


async def test_the_streak_of_nobody_is_refused(client: Client) -> None:
    answer = await client.get(f"{V1}/members/nobody/check-ins")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/unknown_member")

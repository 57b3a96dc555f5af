"""S6: an API key is rotated under load, at two services: no request with a key that counts is refused."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
from fastapi import FastAPI

from common.events import decode
from common.shops.following import save

ASKED = {"orders-ingest": "/v1/shops/teahouse/orders/o-1", "membership": "/v1/shops/teahouse/members/ann"}
CALLERS = 8
"""Of each service, asking one request after the other."""


class Announced:
    """Tells a service what orders-ingest has announced, as its follower does; from the outbox, there is no broker."""

    def __init__(self, apps: dict[str, FastAPI]) -> None:
        self._from, self._to = apps["orders-ingest"].state.runtime, apps["membership"].state.runtime
        self._told = 0

    async def tell(self) -> None:
        async with self._from.database.transaction() as tx:
            rows = await tx.fetch("select seq, payload from outbox where seq > :told order by seq", told=self._told)
        events = [decode(row.payload) for row in rows]
        async with self._to.database.transaction() as tx:
            await save(tx, events, folds=True)
        for event in events:
            self._to.key_changed(event.data.prefix)
        self._told = rows[-1].seq


async def test_a_key_is_rotated_under_load_and_no_request_is_refused(apps: dict[str, FastAPI], key: str) -> None:
    clients = {
        name: httpx.AsyncClient(transport=httpx.ASGITransport(app=apps[name]), base_url="http://here") for name in ASKED
    }
    admin, announced = {"authorization": f"Bearer {key}"}, Announced(apps)

    async def made() -> dict[str, str]:
        body = {"name": "till", "shop": "teahouse", "scopes": ["orders:read", "members:read"]}
        answer = await clients["orders-ingest"].post("/v1/keys", json=body, headers=admin)
        assert answer.status_code == 201, answer.text
        await announced.tell()
        found: dict[str, str] = answer.json()
        return found

    async def status(service: str, secret: str) -> int:
        answer = await clients[service].get(ASKED[service], headers={"authorization": f"Bearer {secret}"})
        return answer.status_code

    async def load(service: str) -> None:
        """With the key that counts as the request leaves; nothing of `ann` and `o-1` is known, which is 404."""
        while not over.is_set():
            seen[service, now["key"], await status(service, now["key"])] += 1

    async def many(of: str) -> None:
        """Until each service has answered many more requests with that key."""
        goal = {service: 50 + sum(n for (s, k, _), n in seen.items() if (s, k) == (service, of)) for service in ASKED}
        while any(sum(n for (s, k, _), n in seen.items() if (s, k) == (each, of)) < goal[each] for each in ASKED):
            await asyncio.sleep(0.01)

    seen, over, now = Counter[tuple[str, str, int]](), asyncio.Event(), await made()
    tasks = [asyncio.create_task(load(service)) for service in ASKED for _ in range(CALLERS)]
    try:
        for _ in range(3):
            old = now["key"]
            await many(old)
            prefix, fresh = now["prefix"], await made()
            await many(old)
            now.update(fresh)
            await many(now["key"])
            assert (await clients["orders-ingest"].delete(f"/v1/keys/{prefix}", headers=admin)).status_code == 204
            await announced.tell()
            assert [await status(service, old) for service in ASKED] == [401, 401], "revoked under load, too"
            await many(now["key"])
    finally:
        over.set()
        await asyncio.gather(*tasks)
        for client in clients.values():
            await client.aclose()
    assert {answered for _, _, answered in seen} == {404}, seen

"""Customers by their address, compared by its keyed hash. On a real PostgreSQL."""

from __future__ import annotations

from typing import Any

PATH = "/v1/shops/s/customers/search"


async def test_a_customer_is_found_by_the_whole_address_however_it_is_written(messaging: Any) -> None:
    await messaging.feed(*messaging.known())
    async with messaging.client() as client:
        answers = [
            await client.post(PATH, json={"address": text})
            for text in ("c1@example.test", "C1@Example.Test", "nobody@example.test")
        ]
        elsewhere = await client.post("/v1/shops/other/customers/search", json={"address": "c1@example.test"})
        refused = await client.post(PATH, json={"address": "no address"})
    assert [(a.status_code, a.json()["customers"]) for a in answers] == [(200, ["c1"]), (200, ["c1"]), (200, [])]
    assert elsewhere.json()["customers"] == [], "another shop's customers are not found"
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid_address")

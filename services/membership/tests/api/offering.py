"""Offers that are set and coupons that are issued and used over HTTP, for the tests of this folder."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from ..conftest import NOW, V1, Client, Shop

TERMS = {"name": "Spring", "percent": 1_000, "starts": "2025-03-01T00:00:00Z", "ends": "2025-05-01T00:00:00Z"}


async def offered(client: Client, offer_id: str = "spring", **terms: Any) -> None:
    answer = await client.put(f"{V1}/offers/{offer_id}", json={**TERMS, **terms})
    assert answer.status_code == 200, answer.text


async def issued(client: Client, customers: list[str], offer_id: str = "spring", batch: str = "b") -> list[str]:
    answer = await client.post(f"{V1}/offers/{offer_id}/coupons", json={"batch": batch, "customers": customers})
    assert answer.status_code == 200, answer.text
    rows = (await client.get(f"{V1}/offers/{offer_id}/coupons", params={"batch": batch})).json()["coupons"]
    return [row["code"] for row in rows]


async def use(client: Client, code: str, order_id: str, customer: str | None = "c1", amount: int = 500) -> Any:
    body = {"order_id": order_id, "customer": customer, "amount": amount}
    return await client.post(f"{V1}/coupons/{code}/uses", json=body)


def order(shop: Shop, kind: type[Any], state: str, order_id: str, at: timedelta, **more: Any) -> Any:
    data = kind(order_id=order_id, state=state, currency="CNY", goods_paid=9_500, **more)
    return shop.event("c1", NOW + at, data)


async def insisting(client: Client, code: str, order_id: str) -> Any:
    """As a client does that is told to come again: many at once are more than there are connections."""
    while (answer := await use(client, code, order_id, None)).status_code == 503:
        await asyncio.sleep(0.1)
    return answer

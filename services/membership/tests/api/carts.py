"""Carts that are asked about over HTTP, for the tests of this folder."""

from __future__ import annotations

from typing import Any

from ..conftest import V1, Client

QUOTE, ORDERS = f"{V1}/checkout/quote", f"{V1}/checkout/orders"


def cart(*prices: int, **more: Any) -> dict[str, Any]:
    lines = [{"sku": f"s{n}", "quantity": 1, "price": price, "category": "tea"} for n, price in enumerate(prices)]
    return {"customer": "c1", "currency": "CNY", "lines": lines, "freight": 800, **more}


async def quoted(client: Client, *prices: int, **more: Any) -> dict[str, Any]:
    answer = await client.post(QUOTE, json=cart(*prices, **more))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def left(client: Client) -> tuple[int, int]:
    """Uses of the shipping quota, and points, that are available."""
    benefits = (await client.get(f"{V1}/members/c1/benefits")).json()["benefits"]
    quota = next(b["quota"]["remaining"] for b in benefits if b["benefit"] == "free_shipping")
    return quota, (await client.get(f"{V1}/members/c1")).json()["available"]


def version(kind: type[Any], revision: int, **more: Any) -> Any:
    state = kind.TYPE.removeprefix("order.")
    return kind(order_id="o2", state=state, currency="CNY", goods_paid=9_500, revision=revision, **more)

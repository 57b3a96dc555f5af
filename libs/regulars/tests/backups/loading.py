"""A shop's load on a stack that is backed up, and what is there of it afterwards."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import Sequence
from typing import Any

import asyncpg
import httpx
from PIL import Image

from regulars.client import Services, ask_settled
from regulars.stack.databases import dsn, in_database
from regulars.stack.state import StackState

CUSTOMERS = [f"c{number}" for number in range(25)]
SHOP = "/v1/shops/tea"


def services_of(state: StackState) -> Services:
    return Services({name: its["PUBLIC_URL"] for name, its in state.services.items()}, state.api_key)


def order(number: int) -> dict[str, Any]:
    """One completed order of 10.00."""
    customer = CUSTOMERS[number % len(CUSTOMERS)]
    data = {"order_id": f"o{number}", "state": "completed", "currency": "EUR", "goods_paid": 1_000}
    time = f"2026-01-02T12:{number // 60 % 60:02}:{number % 60:02}Z"
    return {"id": f"o{number}", "type": "order.completed", "subject": customer, "time": time, "data": data}


def profile(number: int) -> dict[str, Any]:
    customer = CUSTOMERS[number]
    return {"id": customer, "name": f"Name {number}", "email": f"{customer}@example.test"}


async def send(services: Services, numbers: Sequence[int]) -> None:
    """Their orders, and who the customers are where it is their first one."""
    if first := [profile(number) for number in numbers if number < len(CUSTOMERS)]:
        await services.call("orders-ingest", "POST", f"{SHOP}/customers", json={"customers": first})
    await services.call("orders-ingest", "POST", f"{SHOP}/events", json=[order(number) for number in numbers])


async def load(services: Services, sent: list[int], answered: set[int], stop: asyncio.Event) -> None:
    while not stop.is_set():
        number = len(sent)
        sent.append(number)
        await send(services, [number])
        answered.add(number)


def png() -> bytes:
    body = io.BytesIO()
    Image.linear_gradient("L").save(body, "PNG")
    return body.getvalue()


async def photo(state: StackState, method: str, body: bytes | None = None) -> httpx.Response:
    """Of customer c0, at feedback."""
    headers = {"authorization": f"Bearer {state.api_key}", "content-type": "application/octet-stream"}
    feedback = state.services["feedback"]["PUBLIC_URL"]
    async with httpx.AsyncClient(base_url=feedback, headers=headers, timeout=60) as client:
        return await client.request(method, f"{SHOP}/customers/c0/photos/p1", content=body)


async def settled(services: Services) -> None:
    for _ in range(240):
        counters = await ask_settled(services, wait_s=1)
        if counters is not None and not any(each["lag"] or each["outbox"] for each in counters.values()):
            return
        await asyncio.sleep(0.25)
    raise AssertionError(counters)


async def rows(state: StackState, database: str, sql: str) -> list[Any]:
    connection = await asyncpg.connect(dsn(in_database(state.postgres, database)))
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def orders_of(state: StackState, services: Services) -> tuple[set[int], Counter[str]]:
    """The orders that orders-ingest has, and how many membership counts of each customer."""
    known = {int(order[1:]) for (order,) in await rows(state, "orders_ingest", "select order_id from orders")}
    counted = Counter[str]()
    for customer in {CUSTOMERS[number % len(CUSTOMERS)] for number in known}:
        counted[customer] = (await services.get("membership", f"{SHOP}/members/{customer}"))["orders"]
    return known, counted


def expected(numbers: set[int]) -> Counter[str]:
    return Counter(CUSTOMERS[number % len(CUSTOMERS)] for number in numbers)

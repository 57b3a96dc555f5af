"""The settled check answers when nothing is on its way, or when its time is over."""

from __future__ import annotations

import asyncio

import httpx

from common.bus.broker import Record
from common.bus.consumer import EventConsumer
from common.bus.parts import Item
from common.events import NewerVersion
from common.events.orders import OrderPaid
from common.process.runtime import Runtime


async def put_fact(runtime: Runtime) -> None:
    async with runtime.database.transaction() as tx:
        await tx.execute(
            "insert into outbox (id, aggregatetype, aggregateid, type, shop, payload) "
            "values ('f', 'orders', 'demo/c1', 'order.paid', 'demo', '{}')"
        )


async def test_what_is_open_is_answered_at_once_or_at_the_end_of_the_wait(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    await put_fact(runtime)
    for wait_s in (0, 0.1):
        assert (await client.get("/ops/settled", params={"wait_s": wait_s})).json()["outbox"] == 1


async def test_the_answer_waits_until_nothing_is_open(client: httpx.AsyncClient, runtime: Runtime) -> None:
    await put_fact(runtime)
    asked = asyncio.create_task(client.get("/ops/settled", params={"wait_s": 30}))
    await asyncio.sleep(0.2)
    assert not asked.done()
    async with runtime.database.transaction() as tx:
        await tx.execute("update outbox set published_at = now()")
    assert (await asked).json()["outbox"] == 0


async def test_a_service_that_stopped_reading_says_so_instead_of_asking_for_patience(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    """It will not settle by itself, whatever is sent again."""
    runtime.consumer = EventConsumer(runtime.database, "127.0.0.1:1", "toy", (), seal=runtime.seal_dead)
    runtime.consumer.outdated = "order.paid is read in versions 1 to 1, not 2 (orders/3@17)"
    answer = await client.get("/ops/settled")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/consumer_stopped")
    assert "orders/3@17" in answer.json()["detail"]
    place = {"topic": "orders", "partition": 3, "offset": 16}
    refused = await client.post("/ops/dead", json=place)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not_stopped_there")
    record = Record("orders", 3, 17, b"shop/ann", b"{}", {}, 0)
    runtime.consumer._stopped_at = Item(record, newer=NewerVersion(OrderPaid, 2))
    assert (await client.post("/ops/dead", json={**place, "offset": 17})).status_code == 200
    (letter,) = (await client.get("/ops/dead")).json()
    assert (letter["slug"], letter["topic"], letter["offset"], letter["shop"]) == (
        "unknown_version",
        "orders",
        17,
        "shop",
    )

"""The settled check answers when nothing is on its way, or when its time is over."""

from __future__ import annotations

import asyncio

import httpx

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

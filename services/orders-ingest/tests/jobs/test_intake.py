"""Shops' own topics are taken up and put down while the service runs, and a broken name stops nobody."""

import asyncio
import uuid
from collections.abc import Sequence

import httpx
import orjson
import pytest

from common.bus.broker import NoProgress, Outgoing, Producer
from common.process.runtime import Runtime
from common.storage.database import Database, Transaction
from common.storage.failures import UnitOfWorkTooLong
from orders_ingest.jobs.intake import Intake, read_intake
from orders_ingest.shops import store as shops
from regulars.testing import SharedKafka


async def taken(db: Database, shop: str, count: int) -> None:
    """Returns when so many events of the shop are in."""
    async with asyncio.timeout(60):
        while True:
            async with db.transaction() as tx:
                taken = "select count(*) from outbox where shop = :shop and payload like '%\"claimed\"%'"
                if await tx.value(taken, shop=shop) == count:
                    return
            await asyncio.sleep(0.05)


async def set_up(api: httpx.AsyncClient, *names: str) -> None:
    for shop in names:
        answer = await api.put(f"/v1/shops/{shop}/settings", json={"zone": "Asia/Shanghai", "currency": "CNY"})
        assert answer.is_success, answer.text


async def test_topics_are_taken_up_and_put_down_without_a_restart(
    api: httpx.AsyncClient, intake: Intake, db: Database, kafka: SharedKafka, tell: object
) -> None:
    one, other = (f"shop-{uuid.uuid4().hex[:8]}" for _ in range(2))
    await set_up(api, one, other)
    async with db.transaction() as tx:
        await shops.put_intake(tx, "茶叶店", True, "intake.茶叶店")  # as an earlier release stored it
    producer = Producer(kafka.bootstrap_servers, client="test")
    await producer.start()

    async def write(shop: str, order: str) -> None:
        body = tell.order(data={"order_id": order}, shop=None, source=f"/shops/{shop}/backend", id=order)  # type: ignore[attr-defined]
        while await producer.send([Outgoing(f"intake.{shop}", shop.encode(), orjson.dumps(body), {})]) == 0:
            pass  # nothing is known of it: an event counts once

    async def switch(shop: str, enabled: bool) -> None:
        answer = await api.put(f"/v1/shops/{shop}/intake", json={"enabled": enabled})
        assert answer.status_code == 200, answer.text
        await intake.look()

    try:
        await switch(one, True)
        assert intake.topics == (f"intake.{one}",)
        await write(one, "o-1")
        await taken(db, one, 1)
        await switch(other, True)
        assert set(intake.topics) == {f"intake.{one}", f"intake.{other}"}
        await write(one, "o-2")
        await write(other, "o-1")
        await taken(db, one, 2)
        await taken(db, other, 1)
        await switch(one, False)
        assert intake.topics == (f"intake.{other}",)
        await write(one, "o-3")
        await write(other, "o-2")
        await taken(db, other, 2)
        await taken(db, one, 2)
        await switch(one, True)
        await taken(db, one, 3)
        await switch(one, False)
        await switch(other, False)
        assert len(intake.topics) == 0
        assert intake.topics == ()
    finally:
        await producer.stop()


@pytest.mark.usefixtures("intake")
async def test_a_reader_that_is_stuck_is_made_anew_and_ends_no_process(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K15: callers over HTTP need no Kafka."""

    async def stuck(_timeout_s: float) -> None:
        raise NoProgress("Kafka answers, but nothing comes")

    reading = asyncio.create_task(read_intake(runtime))
    async with asyncio.timeout(60):
        while (first := runtime.consumer) is None:
            await asyncio.sleep(0.05)
        monkeypatch.setattr(first.broker, "poll", stuck)
        while runtime.consumer in (None, first):
            assert not reading.done()
            await asyncio.sleep(0.05)
    runtime.stopping.set()
    await reading


@pytest.mark.usefixtures("intake")
async def test_a_process_that_stood_still_amid_a_look_goes_on(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A3: a lid that was closed for a minute ends no process."""
    listed, late = shops.list_intake_shops, [True]

    async def slow(tx: Transaction) -> Sequence[str]:
        if late:
            late.pop()
            raise UnitOfWorkTooLong("a unit of work took longer than 60 s")
        return await listed(tx)

    monkeypatch.setattr(shops, "list_intake_shops", slow)
    reading = asyncio.create_task(read_intake(runtime))
    async with asyncio.timeout(60):
        while runtime.consumer is None:
            assert not reading.done()
            await asyncio.sleep(0.05)
    runtime.stopping.set()
    await reading


@pytest.mark.usefixtures("intake")
async def test_a_shops_name_that_no_topic_can_bear_is_refused(api: httpx.AsyncClient) -> None:
    assert (await api.put("/v1/shops/茶叶店/intake", json={"enabled": True})).status_code in (404, 422)
    # Kafka holds names for equal that differ by . and _ alone.
    shop = f"a{uuid.uuid4().hex[:8]}"
    await set_up(api, f"{shop}.b", f"{shop}_b")
    assert (await api.put(f"/v1/shops/{shop}.b/intake", json={"enabled": True})).status_code == 200
    clash = await api.put(f"/v1/shops/{shop}_b/intake", json={"enabled": True})
    assert (clash.status_code, clash.json()["type"]) == (409, "/problems/topic_refused")

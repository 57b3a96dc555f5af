"""A dead event that is sent back counts, and a rebuild finds it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from common.bus.broker import Record
from common.bus.consumer import EventConsumer
from common.bus.dead import DeadRecord, bury
from common.bus.subscriptions import Batch, Subscription
from common.events import Event
from common.events.orders import OrderCompleted
from common.http.app import build_app
from common.http.health import Readiness
from common.process.runtime import Runtime, Service, make_runtime
from common.storage.database import Transaction

from .conftest import BOOTSTRAP


async def on_orders(tx: Transaction, batch: Batch) -> None:
    """Counts them in a table that is there."""
    for event in batch.events:
        await tx.execute("insert into settings values (:shop, :id, to_jsonb(1))", shop=event.shop, id=event.id)


SUBSCRIPTIONS = (Subscription(on_orders, (OrderCompleted,)),)


def order(goods_paid: int = 100) -> bytes:
    data = OrderCompleted(order_id="o-1", state="completed", currency="USD", goods_paid=goods_paid)
    return Event("e1", "/shops/shop/web", "shop", "ann", datetime(2025, 1, 1, tzinfo=UTC), data).encode()


@pytest.mark.parametrize("service", ["membership", "segmentation", "messaging", "feedback"])
async def test_a_mended_event_stands_on_the_topic_of_the_service_that_took_it(runtime: Runtime, service: str) -> None:
    """A rebuild reads its own topic too; the log has the dead one alone."""
    toy = Service(service, migrations=Path(__file__).parent, subscriptions=SUBSCRIPTIONS)
    made = await make_runtime(toy, runtime.settings)
    dead = order().replace(b"100", b'"a hundred"')
    async with made.database.transaction() as tx:
        record = Record("orders", 0, 7, b"shop/ann", dead, {}, 0)
        await bury(tx, [DeadRecord(record, "invalid_data", "data.goods_paid")], made.seal_dead, "k")
        number = await tx.value("select dead_id from dead_events")
    app = build_app(made, Readiness())
    headers = {"authorization": f"Bearer {BOOTSTRAP}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t", headers=headers) as client:
        for outcome in ("new", "duplicate"):
            answer = await client.post(f"/ops/dead/{number}/resend", json={"body": order().decode()})
            assert answer.json()["outcome"] == outcome, answer.text
    async with made.database.transaction() as tx:
        rows = await tx.fetch("select aggregatetype, aggregateid, type, payload from outbox where type <> 'dead'")
    (fact,) = rows
    assert (fact.aggregateid, fact.type, fact.payload.encode()) == ("shop/ann", "mended", order())

    published = Record(fact.aggregatetype, 0, 0, b"shop/ann", order(), {"type": b"mended"}, 0)
    assert made.consumer is not None
    item = made.consumer._item(published)
    assert item.event is not None, "a rebuild of this service counts it"
    async with runtime.database.transaction() as tx:
        assert await tx.value("select count(*) from settings") == 1, "and it has counted once here"
    other = EventConsumer(runtime.database, "127.0.0.1:1", "toy", SUBSCRIPTIONS, seal=bytes)
    skipped = other._item(published)
    assert (skipped.event, skipped.dead) == (None, None), "nobody else takes it"
    await made.database.close()


async def test_an_event_that_nobody_here_takes_is_refused_instead_of_claimed(runtime: Runtime) -> None:
    """A claim without a handler would call it counted for ever."""
    async with runtime.database.transaction() as tx:
        record = Record("intake.shop", 0, 7, None, order(), {}, 0)
        await bury(tx, [DeadRecord(record, "invalid_data", "")], runtime.seal_dead, "k")
        number = await tx.value("select dead_id from dead_events")
    app = build_app(runtime, Readiness())
    headers = {"authorization": f"Bearer {BOOTSTRAP}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t", headers=headers) as client:
        answer = await client.post(f"/ops/dead/{number}/resend", json={})
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]) == (422, "not_subscribed")
    async with runtime.database.transaction() as tx:
        assert await tx.value("select count(*) from inbox") == 0

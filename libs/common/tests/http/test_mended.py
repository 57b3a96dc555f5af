"""A dead event that is sent back counts, and a rebuild finds it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.bus.broker import Record
from common.bus.dead import DeadRecord, bury
from common.bus.reading import Reader
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
    item = Reader(made.database, SUBSCRIPTIONS, (), None).item(published)
    assert item.event is not None, "a rebuild of this service counts it"
    async with runtime.database.transaction() as tx:
        assert await tx.value("select count(*) from settings") == 1, "and it has counted once here"
    skipped = Reader(runtime.database, SUBSCRIPTIONS, (), None).item(published)
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


async def test_all_dead_events_are_sent_again_page_by_page_and_what_still_fails_is_named(runtime: Runtime) -> None:
    """Each in a transaction of its own: a page that is broken off is gone on with."""
    toy = Service("membership", migrations=Path(__file__).parent, subscriptions=SUBSCRIPTIONS)
    made = await make_runtime(toy, runtime.settings)
    bodies = [order().replace(b"e1", b"e%d" % n) for n in range(5)]
    bodies[1] = bodies[1].replace(b"100", b'"a hundred"')
    bodies[3] = bodies[2]
    async with made.database.transaction() as tx:
        dead = [
            DeadRecord(Record("orders", 0, n, b"shop/ann", body, {}, 0), "handler_failed" if n else "other", "")
            for n, body in enumerate(bodies)
        ]
        await bury(tx, dead, made.seal_dead, "k")
    app = build_app(made, Readiness())
    headers = {"authorization": f"Bearer {BOOTSTRAP}"}

    async def page(after: int, **more: object) -> dict[str, Any]:
        answer = await client.post("/ops/dead/resend", json={"after": after, "limit": 2, **more})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t", headers=headers) as client:
        first = await page(0, slug="handler_failed")
        assert (first["new"], first["duplicate"], first["after"]) == (1, 0, 3)
        assert [(each["dead_id"], each["slug"]) for each in first["refused"]] == [(2, "invalid_data")]
        assert await page(3, slug="handler_failed") == {"new": 1, "duplicate": 1, "refused": [], "after": 5}
        again = await page(0)
        assert (again["new"], again["after"]) == (1, 2), "what was taken is not taken up again, and what was not is"
        assert (await page(2))["after"] is None
        async with made.database.transaction() as tx:
            await tx.execute("update dead_events set body = null where dead_id = 1")
        gone = await client.post("/ops/dead/1/resend", json={"body": order().decode()})
        assert (gone.status_code, gone.json()["type"].rpartition("/")[2]) == (410, "body_gone")
    async with made.database.transaction() as tx:
        assert await tx.value("select count(*) from settings") == 3
    await made.database.close()


async def test_dead_events_are_listed_by_shop_by_reason_and_by_whether_they_were_sent_again(runtime: Runtime) -> None:
    """Whoever looks for one shop sees no other's."""
    async with runtime.database.transaction() as tx:
        dead = [
            DeadRecord(Record("orders", 0, n, None, order(), {}, 0), slug, "", shop)
            for n, (shop, slug) in enumerate([("tea", "a"), ("wine", "a"), ("tea", "b"), (None, "b")])
        ]
        await bury(tx, dead, runtime.seal_dead, "k")
        await tx.execute("update dead_events set resent_at = now() where dead_id = 3")
    app = build_app(runtime, Readiness())
    headers = {"authorization": f"Bearer {BOOTSTRAP}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t", headers=headers) as client:

        async def listed(**asked: Any) -> list[int]:
            return [each["dead_id"] for each in (await client.get("/ops/dead", params=asked)).json()]

        assert await listed(shop="tea") == [1, 3]
        assert await listed(shop="tea", slug="a") == [1]
        assert await listed(slug="a", after=1) == [2]
        assert await listed(resent=True) == [3]
        assert await listed(shop="tea", resent=False) == [1]
        assert await listed(shop="nobody's") == []

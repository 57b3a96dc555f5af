"""The way to an order is announced when it is known, and again when late news changes it; against PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx

from common.events import Event, rfc3339
from common.process.runtime import Runtime
from common.storage.database import Database
from common.time.clock import FixedClock
from orders_ingest.journeys.rules import KEPT

Published = Callable[[], Awaitable[list[Event[Any]]]]


async def send(api: httpx.AsyncClient, *events: dict[str, Any]) -> None:
    answer = await api.post("/v1/events", json=list(events))
    assert answer.is_success, answer.text
    assert {each["status"] for each in answer.json()["results"]} == {"accepted"}


async def journeys(published: Published) -> list[Any]:
    return [event.data for event in await published() if event.type == "order.journey_measured"]


async def test_an_order_is_measured_and_measured_again_by_late_news(
    api: httpx.AsyncClient, runtime: Runtime, tell: Any, published: Published
) -> None:
    """ORD-022: an order with a chat in the look-back is not silent, also where the chat is told afterwards."""
    views = [
        tell.event("product.viewed", {"sku": sku}, time=f"2026-03-0{day}T10:00:00Z")
        for sku, day in (("a", 3), ("b", 4), ("a", 5))
    ]
    await send(api, *views, tell.order("placed", time="2026-03-05T11:00:00Z"))
    assert await runtime.sweeper.sweep() == 1
    await send(api, tell.order("paid", time="2026-03-05T11:05:00Z"))
    assert await runtime.sweeper.sweep() == 0
    await send(api, tell.event("chat.ended", {"seconds": 600}, time="2026-03-04T10:10:00Z"))
    await send(api, tell.event("chat.ended", {"seconds": 600}, time="2026-03-04T10:10:00Z", subject="other"))
    await send(api, tell.event("product.searched", {"terms": "tea"}, time="2026-03-04T10:10:00Z"))
    assert await runtime.sweeper.sweep() == 1
    first, second = await journeys(published)
    assert (first.silent, first.decision_seconds, first.compared_items, first.revision) == (True, 49 * 3600, 2, 1)
    assert (second.silent, second.chats, second.chat_seconds, second.revision) == (False, 1, 600, 2)
    shown = (await api.get("/v1/shops/demo/orders/o-1/journey")).json()
    assert (shown["silent"], shown["compared_items"], shown["customer"]) == (False, 2, "c-1")


async def test_what_changes_no_figure_is_not_announced(
    api: httpx.AsyncClient, runtime: Runtime, tell: Any, published: Published
) -> None:
    await send(api, tell.event("product.viewed", {"sku": "a"}, time="2026-03-05T11:30:00Z"))
    await send(api, tell.order("placed", time="2026-03-05T11:00:00Z"))
    await runtime.sweeper.sweep()
    await send(api, tell.event("chat.ended", {"order_id": "another"}, time="2026-03-05T10:30:00Z"))
    assert await runtime.sweeper.sweep() == 1
    assert [(each.silent, each.revision) for each in await journeys(published)] == [(True, 1)]


async def test_of_a_shop_that_tells_no_views_and_chats_nothing_is_said(
    api: httpx.AsyncClient, runtime: Runtime, tell: Any, published: Published
) -> None:
    """Nobody knows whether its customers are silent."""
    await send(api, tell.order("placed"), tell.event("product.searched", {"terms": "tea"}))
    assert await runtime.sweeper.sweep() == 0
    await send(api, tell.event("product.viewed", {"sku": "a"}, subject="other"), tell.order(data={"order_id": "o-2"}))
    assert await runtime.sweeper.sweep() == 1
    assert [each.order_id for each in await journeys(published)] == ["o-2"]


async def test_old_orders_are_not_measured_and_old_signs_are_forgotten(
    api: httpx.AsyncClient, runtime: Runtime, db: Database, clock: FixedClock, tell: Any, published: Published
) -> None:
    """An import of history measures nothing: what led to those orders is not known."""
    await send(api, tell.event("product.viewed", {"sku": "a"}))
    await send(api, tell.order("completed", time=rfc3339(clock.now() - KEPT)))
    assert await runtime.sweeper.sweep() == 0
    clock.set(clock.now() + KEPT + timedelta(days=1))
    assert await runtime.sweeper.sweep() == 1
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from behaviour_days") == 0
    assert await journeys(published) == []
    assert (await api.get("/v1/shops/demo/orders/o-1/journey")).json()["type"] == "/problems/not_measured"

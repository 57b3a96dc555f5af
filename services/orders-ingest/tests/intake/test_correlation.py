"""The caller's X-Correlation-Id stands in the events that a request causes, from the HTTP route to the outbox."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import orjson

from common.events import Event

GIVEN = {"x-correlation-id": "checkout-4711"}
ONE = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
Published = Callable[[], Awaitable[list[Event[Any]]]]


async def post(api: httpx.AsyncClient, body: Any, **headers: str) -> httpx.Response:
    kind = BATCH if isinstance(body, list) else ONE
    return await api.post("/v1/shops/demo/events", content=orjson.dumps(body), headers={**kind, **headers})


async def test_one_event_a_batch_and_an_order_bear_what_the_caller_gave(
    api: httpx.AsyncClient, tell: Any, published: Published
) -> None:
    assert (await post(api, tell.order("paid"), **GIVEN)).headers["x-correlation-id"] == "checkout-4711"
    await post(api, [tell.order("shipped"), tell.order("delivered", correlationid="the shop's own")], **GIVEN)
    order = {"customer": "c-1", "state": "placed", "time": "2026-03-05T10:00:00Z", "currency": "CNY", "goods_paid": 1}
    sent = await api.put("/v1/shops/demo/orders/o-2", json=order, headers=GIVEN)
    assert sent.status_code == 202
    assert [(e.type, e.correlationid) for e in await published()] == [
        ("order.paid", "checkout-4711"),
        ("order.shipped", "checkout-4711"),
        ("order.delivered", "the shop's own"),
        ("order.placed", "checkout-4711"),
    ]


async def test_a_profile_and_its_consents_bear_it_too(api: httpx.AsyncClient, published: Published) -> None:
    ann = {"id": "ann", "language": "en", "consents": [{"channel": "email", "granted": True}]}
    assert (await api.post("/v1/shops/demo/customers", json={"customers": [ann]}, headers=GIVEN)).status_code == 202
    assert {(e.type, e.correlationid) for e in await published()} == {
        ("customer.registered", "checkout-4711"),
        ("customer.consent_changed", "checkout-4711"),
    }


async def test_one_request_s_id_never_reaches_another_s_events(
    api: httpx.AsyncClient, tell: Any, published: Published
) -> None:
    """Single events share a worker, which the first request started."""
    await post(api, tell.order("paid"), **GIVEN)
    await post(api, tell.order("shipped"), **{"x-correlation-id": "another"})
    answered = await post(api, tell.order("delivered"))
    assert answered.headers["x-correlation-id"] not in ("", "checkout-4711")
    assert [e.correlationid for e in await published()] == ["checkout-4711", "another", None]


async def test_the_same_event_again_is_a_repetition_whatever_its_request_is_called(
    api: httpx.AsyncClient, tell: Any, published: Published
) -> None:
    event = tell.order("paid")
    await post(api, event, **GIVEN)
    again = await post(api, event, **{"x-correlation-id": "the retry"})
    assert (again.status_code, again.json()["status"]) == (202, "duplicate")
    assert [e.correlationid for e in await published()] == ["checkout-4711"]

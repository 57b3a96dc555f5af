"""Refunds that a shop sends as they are count once, fit their order, or wait for it (ORD-035)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from common.events import Event
from common.time.clock import FixedClock

Published = Callable[[], Awaitable[list[Event[Any]]]]
ORDER = {"customer": "ann", "state": "paid", "time": "2026-03-01T10:00:00Z", "currency": "EUR", "goods_paid": 9000}
REFUND = {"order_id": "o-1", "amount": 2900, "currency": "EUR", "reason": "the pot was cracked"}


async def put(api: httpx.AsyncClient, body: dict[str, Any], refund_id: str = "r-1") -> httpx.Response:
    return await api.put(f"/v1/shops/demo/refunds/{refund_id}", json=body)


async def test_a_refund_is_taken_once_and_is_its_orders_customers(
    api: httpx.AsyncClient, published: Published, clock: FixedClock
) -> None:
    await api.put("/v1/shops/demo/orders/o-1", json=ORDER)
    assert (await put(api, REFUND)).json()["status"] == "accepted"
    clock.set(clock.now().replace(hour=13))
    again = await put(api, REFUND)
    assert (again.status_code, again.json()["status"]) == (202, "duplicate"), "without a time, an hour later"
    event = (await published())[-1]
    assert (event.type, event.subject, event.data.amount) == ("order.refunded", "ann", 2900)
    assert event.data.reason.startswith("enc:")
    other = await put(api, {**REFUND, "amount": 3000})
    assert (other.status_code, other.json()["type"]) == (409, "/problems/refund_known")
    assert (await api.get("/v1/shops/demo/orders/o-1")).json()["refunded"] == 2900


async def test_one_that_comes_before_its_order_waits_and_is_mended_where_it_does_not_fit(
    api: httpx.AsyncClient,
) -> None:
    answer = await put(api, {**REFUND, "amount": 99_999})
    assert answer.json()["detail"] == "kept until order o-1 comes, or is paid"
    await api.put("/v1/shops/demo/orders/o-1", json=ORDER)
    [refund] = (await api.get("/v1/shops/demo/refunds")).json()
    assert (refund["state"], refund["slug"]) == ("set_aside", "refund_exceeds_paid")
    assert (await put(api, REFUND)).json()["status"] == "accepted"
    [refund] = (await api.get("/v1/shops/demo/refunds")).json()
    assert (refund["state"], refund["amount"]) == ("counted", 2900)


@pytest.mark.parametrize(
    ("change", "status", "slug"),
    [
        ({"currency": "USD"}, 409, "wrong_currency"),
        ({"amount": 9001}, 409, "refund_exceeds_paid"),
        ({"amount": -1}, 422, "invalid_request"),
        ({"amount": "29.00"}, 422, "invalid_request"),
        ({"ammount": 1}, 422, "invalid_request"),
        ({"time": "2026-03-06T10:00:00Z"}, 422, "time_in_future"),
        ({"time": "1989-01-01T00:00:00Z"}, 422, "time_too_old"),
    ],
)
async def test_what_is_wrong_is_refused_and_nothing_is_kept(
    api: httpx.AsyncClient, change: dict[str, Any], status: int, slug: str
) -> None:
    await api.put("/v1/shops/demo/orders/o-1", json=ORDER)
    answer = await put(api, {**REFUND, **change})
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}"), answer.text
    assert (await api.get("/v1/shops/demo/refunds")).json() == []


async def test_the_example_of_the_document_runs(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    [example] = document["components"]["schemas"]["RefundIn"]["examples"]
    assert (await put(api, example)).status_code == 202

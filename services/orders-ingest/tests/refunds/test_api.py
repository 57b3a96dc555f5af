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


async def test_the_same_refund_spelt_otherwise_is_the_same(api: httpx.AsyncClient) -> None:
    """A sender that writes its defaults out after an upgrade, or another offset, says nothing new."""
    await api.put("/v1/shops/demo/orders/o-1", json=ORDER)
    body = {**REFUND, "time": "2026-03-02T10:00:00Z"}
    assert (await put(api, body)).json()["status"] == "accepted"
    other_words: list[dict[str, Any]] = [{"freight": 0}, {"reason_code": None}, {"lines": []}]
    for spelt in (*other_words, {"time": "2026-03-02T11:00:00.000+01:00"}):
        answer = await put(api, {**body, **spelt})
        assert (answer.status_code, answer.json()["status"]) == (202, "duplicate"), spelt


async def test_freight_is_paid_back_up_to_the_freight_and_goods_up_to_the_goods(api: httpx.AsyncClient) -> None:
    """Neither takes room from the other."""
    await api.put("/v1/shops/demo/orders/o-1", json={**ORDER, "freight": 1000})
    body = {"order_id": "o-1", "currency": "EUR"}
    refused = await put(api, {**body, "amount": 0, "freight": 1001})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/refund_exceeds_paid")
    assert "9000 are left to refund for goods (`amount`), and 1000 for freight" in refused.json()["detail"]
    assert (await put(api, {**body, "amount": 0, "freight": 1000}, "r-2")).status_code == 202
    assert (await put(api, {**body, "amount": 0, "freight": 1}, "r-3")).status_code == 409
    assert (await put(api, {**body, "amount": 9000}, "r-4")).status_code == 202


async def test_an_order_keeps_the_currency_in_which_it_was_refunded(api: httpx.AsyncClient) -> None:
    """Else what was paid back would be so much of another currency."""
    late = {**ORDER, "time": "2026-03-03T10:00:00Z", "currency": "USD"}
    await api.put("/v1/shops/demo/orders/o-1", json=ORDER)
    assert (await put(api, {**REFUND, "amount": 0, "whole": True})).status_code == 202
    refused = await api.put("/v1/shops/demo/orders/o-1", json=late)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/wrong_currency")
    assert (await api.get("/v1/shops/demo/orders/o-1")).json()["currency"] == "EUR"
    await api.put("/v1/shops/demo/orders/o-2", json=ORDER)
    assert (await api.put("/v1/shops/demo/orders/o-2", json=late)).status_code == 202, "nothing was paid back"


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

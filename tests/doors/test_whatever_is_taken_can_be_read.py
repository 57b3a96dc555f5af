"""What a door answers 2xx to can be decoded, keyed and stored by every reader of its topics (E6, E8a)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from common.events import InvalidEvent, decode
from common.events.fields import MAX_IDENTIFIER
from common.values.paths import part

SHOP = "teahouse"
NASTY = ["\x00", "\x1c", "\x1f", "\x85", "\xa0", "\u1680", "\u2003", "\u2028", "\u202f", "\u3000", "\u180e", "\ufeff"]
ids = st.one_of(
    st.text(min_size=1, max_size=12),
    st.text(st.sampled_from([*NASTY, "a", "茶", "/", "#", "|", " ", ".", "%", "?", "é"]), min_size=1, max_size=6),
    st.sampled_from(["c" * 200, "c" * 201, "茶" * 66, "茶" * 67, "c" * 300, "🍵" * 50, "🍵" * 51, ".", ".."]),
)
PROFILE = {"name": "Ann"}
ORDER = {"state": "paid", "time": "2025-03-04T01:00:00Z", "currency": "USD", "goods_paid": 100}


def requests(one: str) -> list[tuple[str, str, str, Any]]:
    """(service, method, path, body) of each door that names a customer, an order or a thing by `one`."""
    shop, named = f"/v1/shops/{SHOP}", part(one)
    event = {
        "specversion": "1.0",
        "id": one,
        "source": f"/shops/{SHOP}/backend",
        "shop": SHOP,
        "subject": one,
        "type": "order.paid",
        "time": ORDER["time"],
        "data": {"order_id": one, "state": "paid", "currency": "USD", "goods_paid": 1},
    }
    return [
        ("orders-ingest", "POST", f"{shop}/events", event),
        ("orders-ingest", "POST", f"{shop}/events", event | {"source": f"/shops/{SHOP}/{one}", "correlationid": one}),
        ("orders-ingest", "PUT", f"{shop}/customers/{named}", PROFILE),
        ("orders-ingest", "POST", f"{shop}/customers", {"customers": [{"id": one, **PROFILE}]}),
        ("orders-ingest", "PUT", f"{shop}/orders/{named}", {**ORDER, "customer": one}),
        ("orders-ingest", "POST", f"{shop}/products", {"products": [{"sku": one, "name": "Tea"}]}),
        (
            *("orders-ingest", "POST", f"{shop}/events"),
            event | {"subject": None, "type": "product.changed", "data": {"sku": one, "name": "Tea"}},
        ),
        ("membership", "POST", f"{shop}/members", {"customer": one}),
        ("messaging", "POST", f"{shop}/opt-outs", {"customer": one, "channel": "email"}),
        ("messaging", "POST", f"{shop}/opt-ins", {"customer": one, "channel": "email"}),
        ("feedback", "POST", f"{shop}/reviews", {"review_id": one, "customer": one, "stars": 5}),
        (
            *("feedback", "POST", f"{shop}/reviews/events"),
            event | {"type": "review.submitted", "data": {"review_id": one, "stars": 5}},
        ),
    ]


async def send(client: httpx.AsyncClient, method: str, path: str, body: Any) -> httpx.Response:
    headers = {"content-type": "application/cloudevents+json"} if path.endswith("/reviews/events") else {}
    return await client.request(method, path, json=body, headers=headers)


@pytest.mark.parametrize("step", [".", ".."])
async def test_no_door_takes_what_no_path_can_name(apps: dict[str, FastAPI], key: str, step: str) -> None:
    """Nobody could look at it nor erase it in a browser, which takes it out of an address however it is written."""
    headers = {"authorization": f"Bearer {key}"}
    for service, method, path, body in requests(step):
        transport = httpx.ASGITransport(apps[service])
        async with httpx.AsyncClient(transport=transport, base_url="http://here", headers=headers) as client:
            answer = await send(client, method, path, body)
        assert (answer.status_code, "browsers and proxies" in answer.text) == (422, True), (path, answer.text)


@pytest.mark.slow
async def test_what_is_answered_2xx_can_be_read_by_every_reader(apps: dict[str, FastAPI], key: str) -> None:
    clients = {
        name: httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://here", headers={"authorization": f"Bearer {key}"}
        )
        for name, app in apps.items()
    }
    taken = 0

    async def tell(one: str) -> None:
        nonlocal taken
        for service, method, path, body in requests(one):
            answer = await send(clients[service], method, path, body)
            assert answer.status_code < 500, (service, path, answer.text)
            taken += answer.status_code < 300

    found: list[str] = []

    @settings(max_examples=60, database=None)
    @given(ids)
    def collect(one: str) -> None:
        found.append(one)

    collect()
    for one in dict.fromkeys(found):
        await tell(one)
    for client in clients.values():
        await client.aclose()
    published = 0
    for name, app in apps.items():
        async with app.state.runtime.database.transaction() as tx:
            rows = await tx.fetch("select payload, aggregateid from outbox")
        for payload, aggregate in rows:
            event = decode(payload)  # raises InvalidEvent where a reader would make a dead letter of it
            assert event.key == aggregate, name
            assert len((event.subject or "").encode()) <= MAX_IDENTIFIER
            published += 1
    assert taken > 100
    assert published > 100


def test_the_oracle_refuses_what_readers_refuse() -> None:
    with pytest.raises(InvalidEvent):
        decode(
            b'{"id":"1","source":"/shops/a/b","type":"order.paid","time":"2025-03-04T01:00:00Z","shop":"a","subject":"a\\u001fb","data":{}}'
        )

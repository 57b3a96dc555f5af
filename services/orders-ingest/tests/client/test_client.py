"""The Python client against the service itself, over HTTP: every call, the spool, signing, errors (ORD-001)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from pydantic import BaseModel

from common.events import Event as Published
from common.http.app import build_app
from common.http.health import Readiness
from common.http.parsing import Protocol
from common.process.runtime import Runtime
from common.time.clock import FixedClock
from orders_ingest.archive.vault import Vault
from orders_ingest.webhooks.store import put_secrets
from regulars_client import (
    AsyncRegulars,
    Consent,
    Customer,
    Event,
    Line,
    Order,
    Profile,
    Promotion,
    Refund,
    Refused,
    Regulars,
    Retries,
    Unreachable,
)

KEY = "an-administrators-key-of-tests"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
Outbox = Callable[[], Awaitable[list[Published[Any]]]]


@pytest_asyncio.fixture
async def url(runtime: Runtime) -> AsyncIterator[str]:
    """Where the service listens, on this event loop, as it does in production."""
    app = build_app(runtime, Readiness())
    config = uvicorn.Config(app, http=Protocol, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        serving = asyncio.create_task(server._serve([listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await serving
    if hasattr(app.state, "collector"):
        await app.state.collector.close()


@pytest.fixture
def order(runtime: Runtime) -> Order:
    now = runtime.clock.now()
    return Order(
        customer="ann",
        state="paid",
        time=now,
        currency="EUR",
        goods_paid=12900,
        placed_at=now - timedelta(hours=1),
        lines=[Line(sku="longjing-250", quantity=1, paid=12900, size="full_size", mark="hot")],
        promotions=[Promotion(kind="coupon", code="SPRING", amount=500)],
        remark="leave it at the door",
    )


async def test_every_call_of_the_sync_client_is_taken_once(
    url: str, order: Order, runtime: Runtime, published: Outbox
) -> None:
    now = runtime.clock.now()
    consents = [Consent(channel="email", granted=True, at=now)]

    def all_calls(shop: Regulars) -> list[str]:
        viewed = Event(type="product.viewed", subject="ann", data={"sku": "s-1"}, id="v-1", time=now)
        found = [
            *shop.put_order("1001", order),
            shop.put_refund("1001-1", Refund(order_id="1001", amount=2900, currency="EUR", time=now)),
            shop.put_customer("ann", Profile(name="Ann Li", email="ann@example.com")),
            shop.put_consents("ann", consents),
            *shop.put_customers([Customer(id="bob", name="Bob", consents=consents, registered_at=now)]),
            shop.send(viewed),
            *shop.send_all([viewed, viewed.model_copy(update={"id": "v-2"})]),
        ]
        return [outcome.status for outcome in found]

    with Regulars(url, KEY, shop="demo") as shop:
        first = await asyncio.to_thread(all_calls, shop)
        again = await asyncio.to_thread(all_calls, shop)
    assert first == ["accepted"] * 7 + ["duplicate", "accepted"]
    assert set(again) == {"duplicate"}
    assert [event.type for event in await published()] == [
        "order.placed",
        "order.paid",
        "order.refunded",
        "customer.registered",
        "customer.consent_changed",
        "customer.registered",
        "customer.consent_changed",
        "product.viewed",
        "product.viewed",
    ]


async def test_the_async_client_sends_thousands_and_signs(url: str, runtime: Runtime, clock: FixedClock) -> None:
    now = runtime.clock.now()
    events = [Event(type="product.viewed", subject=f"c-{n % 7}", data={"sku": "s"}, time=now) for n in range(2_300)]
    bad = Event(type="product.dreamt", subject="ann", data={}, time=now)
    async with AsyncRegulars(url, KEY, shop="demo") as shop:
        outcomes = await shop.send_all([*events, bad])
    assert [outcome.status for outcome in outcomes] == ["accepted"] * 2_300 + ["refused"]
    assert outcomes[-1].slug == "unknown_type"
    async with runtime.database.transaction() as tx:
        await put_secrets(tx, Vault(runtime.keys), "demo", "standard", [SECRET])
    signed = events[0].model_copy(update={"id": "signed-1"})
    async with AsyncRegulars(url, shop="demo") as shop:
        with pytest.raises(Refused, match="not_signed"):  # signed now, which is long after the clock of the test
            await shop.deliver(signed, SECRET)
        clock.set(datetime.now(UTC))
        assert (await shop.deliver(signed, SECRET)).status == "accepted"
        with pytest.raises(Refused, match="unauthorized"):
            await shop.send(signed)


async def test_a_refusal_names_the_field(url: str, order: Order) -> None:
    async with AsyncRegulars(url, KEY, shop="demo") as shop:
        with pytest.raises(Refused) as raised:
            await shop.put_order("1001", order.model_copy(update={"currency": "XYZ"}))
    assert (raised.value.status, raised.value.slug) == (422, "invalid_request")
    assert raised.value.problem["errors"][0]["pointer"] == "/currency"


async def test_the_spool_tells_after_an_outage_what_was_kept_in_it(
    url: str, runtime: Runtime, published: Outbox, tmp_path: Path
) -> None:
    def fill() -> None:
        with Regulars("http://127.0.0.1:9", KEY, shop="demo", retries=Retries(1)) as shop:
            spool = shop.spool(tmp_path / "spool")
            for number in range(1_500):
                event = Event(type="product.viewed", subject="ann", data={"sku": str(number)}, time=runtime.clock.now())
                spool.send(event)
            with pytest.raises(Unreachable):
                spool.flush()
            spool.close()

    def tell() -> int:
        with Regulars(url, KEY, shop="demo") as shop:
            spool = shop.spool(tmp_path / "spool")
            told = spool.flush()
            spool.close()
            return told

    await asyncio.to_thread(fill)
    assert await asyncio.to_thread(tell) == 1_500
    assert [event.data.sku for event in await published()] == [str(number) for number in range(1_500)]


async def test_fields_of_the_models_are_those_of_the_service(runtime: Runtime) -> None:
    """A field that the client has, the service takes: by its OpenAPI document."""
    schemas = build_app(runtime, Readiness()).openapi()["components"]["schemas"]
    models: dict[str, type[BaseModel]] = {
        "OrderIn": Order,
        "OrderLine": Line,
        "PromotionUse": Promotion,
        "RefundIn": Refund,
        "ProfileIn": Profile,
        "ConsentIn": Consent,
        "CustomerIn": Customer,
    }
    for name, model in models.items():
        found = schemas.get(name) or schemas[f"{name}-Input"]
        assert set(model.model_fields) <= set(found["properties"]), name
        assert set(found.get("required", [])) <= set(model.model_fields), name

"""The console before all five services, each behind a port of its own, and a real browser before the console."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI

from common.storage.migrate import migrate
from console.access import store
from console.access.roles import Role
from console.app import build_app
from console.main import MIGRATIONS, build_console
from console.settings import ConsoleSettings
from console.web.page import Console
from regulars.stack.ports import free_port
from regulars.testing import EmptyDatabase, broker_in

NOW = datetime(2025, 3, 4, 2, tzinfo=UTC)
"""Tuesday 10:00 in Shanghai, the shop's zone."""
SHOP = "teahouse"
PASSWORD = "correct horse battery staple"
SCRIPT = "<script>document.title='run'</script><b hx-get='/nowhere' hx-trigger='load'>{{7*7}}</b>"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@asynccontextmanager
async def listening(app: FastAPI) -> AsyncIterator[str]:
    """The app behind a port; gives its address."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    )
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture
def bus(stack_folder: Path) -> Iterator[str]:
    """A Kafka of the test's own: each test has databases of its own, and must not read what another told."""
    with broker_in(stack_folder / f"kafka-{uuid.uuid4().hex[:8]}") as servers:
        yield servers


@dataclass
class Whole:
    """The console's address, its store, and the services behind it."""

    url: str
    console: Console
    stack: Any
    ports: dict[str, AsyncExitStack]

    async def invitation(self, role: Role, token: str = "a-link-for-tests") -> str:
        async with self.console.database.transaction() as tx:
            await store.insert_invitation(tx, token, role, SHOP, 48)
        return f"{self.url}/invitation/{token}"

    async def stop(self, service: str) -> None:
        """Nobody listens at the service's address any more."""
        await self.ports[service].aclose()

    async def entries(self) -> list[tuple[str, str, str]]:
        """Action, object and outcome of all audit entries, oldest first."""
        async with self.console.database.transaction() as tx:
            return [tuple(row) for row in await tx.fetch("select action, object, outcome from audit order by entry")]


@pytest_asyncio.fixture
async def whole(stack: Any, database: EmptyDatabase, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Whole]:
    """Ann has bought twice and written a review; an event of hers is dead in membership."""
    await stack.set_clock(NOW)
    stack.start_all()
    await _history(stack)
    url = await database()
    await migrate(url, MIGRATIONS, common=False)
    for name in ("DATABASE_URL", "PUBLIC_URL", "MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    async with AsyncExitStack() as ending:
        addresses: dict[str, str] = {}
        ports: dict[str, AsyncExitStack] = {}
        for name, part in stack.parts.items():
            ports[name] = await ending.enter_async_context(AsyncExitStack())
            addresses[name] = await ports[name].enter_async_context(listening(part.app))
        port = free_port()
        settings = ConsoleSettings(
            database_url=url.replace("+asyncpg", ""),
            master_key=stack.parts["membership"].settings.master_key,
            services_api_key=stack.parts["membership"].settings.bootstrap_api_key,
            public_url=f"http://127.0.0.1:{port}",
            plain_http=True,
            within_s=20,  # a loaded machine may take long; a service that is stopped refuses at once
            **{f"{name.replace('-', '_')}_url": address for name, address in addresses.items()},
        )
        console = build_console(settings)
        ending.push_async_callback(console.database.close)
        ending.push_async_callback(console.services.close)
        site = await ending.enter_async_context(listening(build_app(console)))
        yield Whole(site, console, stack, ports)


async def _history(stack: Any) -> None:
    base = f"/v1/shops/{SHOP}"
    ann = {
        "id": "ann",
        "name": f"Ann {SCRIPT}"[:190],
        "email": "ann@example.test",
        "phone": "+8613800138000",
        "registered_at": (NOW - timedelta(days=40)).isoformat(),
        "consents": [{"channel": "email", "purpose": "marketing", "granted": True}],
    }
    answer = await stack.call("orders-ingest", "POST", f"{base}/customers", json={"customers": [ann]})
    assert answer.status_code == 202, answer.text
    for number, days in ((1, 30), (2, 1)):
        order = {
            "id": f"order-{number}",
            "type": "order.completed",
            "subject": "ann",
            "time": (NOW - timedelta(days=days)).isoformat(),
            "data": {"order_id": f"100{number}", "state": "completed", "currency": "CNY", "goods_paid": 1_200_00},
        }
        answer = await stack.call("orders-ingest", "POST", f"{base}/events", json=order)
        assert answer.status_code == 202, answer.text
    review = {"review_id": "r-1", "customer": "ann", "order_id": "1001", "stars": 5, "text": SCRIPT}
    await stack.settled()
    answer = await stack.call("feedback", "POST", f"{base}/reviews", json=review)
    assert answer.status_code == 202, answer.text
    await stack.settled()
    await stack.sweep("messaging")


@pytest.fixture
def chromium() -> str:
    """The distribution's browser; where there is none, tests in a browser are skipped with this sentence."""
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no browser here: install the distribution's (apt-get install chromium fonts-wqy-microhei)")
    return found

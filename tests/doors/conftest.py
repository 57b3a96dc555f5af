"""The HTTP side of all five services in this process, each on a database of its own with one shop that is set up."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from pydantic import SecretStr

import feedback.main
import membership.main
import messaging.main
import orders_ingest.main
import segmentation.main
from common.http.app import build_app
from common.http.health import Readiness
from common.process.runtime import make_runtime
from common.process.settings import Settings
from common.shops.settings import SHOPS, SettingsBody
from common.storage.migrate import migrate
from console.access import store_invitations
from console.main import MIGRATIONS, build_console
from console.settings import ConsoleSettings
from console.web.page import Console
from regulars.testing import EmptyDatabase, MigratedDatabase

from .imagined import ImaginedServices

MODULES = (orders_ingest.main, membership.main, segmentation.main, messaging.main, feedback.main)
NAMES = tuple(module.SERVICE.name for module in MODULES)
KEY = "an-operators-key-of-tests"
SHOP = "teahouse"
HOST = "https://console.shop.example"
NOW = datetime(2025, 3, 4, 2, tzinfo=UTC)


@pytest.fixture
def key() -> str:
    return KEY


@pytest_asyncio.fixture
async def apps(database_from: MigratedDatabase) -> AsyncIterator[dict[str, FastAPI]]:
    """The apps by the name of their service; the bootstrap key is `key`, the shop is `teahouse`."""
    found: dict[str, FastAPI] = {}
    async with AsyncExitStack() as stack:
        for module in MODULES:
            service = module.SERVICE
            settings = Settings(
                database_url=await database_from(service.migrations),
                kafka_bootstrap_servers="127.0.0.1:1",
                master_key=SecretStr("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
                bootstrap_api_key=SecretStr(KEY),
                set_clock=True,
            )
            runtime = await make_runtime(service, settings)
            stack.push_async_callback(runtime.database.close)
            await runtime.set_clock(NOW)
            async with runtime.database.transaction() as tx:
                await SHOPS.insert(tx, SHOP, 1, NOW, SettingsBody(zone="UTC", currency="USD"))
            found[service.name] = build_app(runtime, Readiness())
        yield found


@pytest_asyncio.fixture
async def console(database: EmptyDatabase, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Console]:
    for name in ("DATABASE_URL", "MASTER_KEY", "PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    url = await database()
    await migrate(url, MIGRATIONS, common=False)
    given: dict[str, Any] = {
        "database_url": url.replace("+asyncpg", ""),
        "master_key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "services_api_key": "a-key-of-the-console-for-tests",
        "public_url": HOST,
        **{f"{n}_url": HOST for n in ("orders_ingest", "membership", "segmentation", "messaging", "feedback")},
    }
    settings = ConsoleSettings(**given)
    made = build_console(settings)
    await made.services.close()
    made.services = ImaginedServices(settings.addresses(), "", 1, 1)
    yield made
    await made.freshness.close()
    await made.services.close()
    await made.database.close()


async def signed_in(console: Console, app: FastAPI, shop: str = "tea") -> httpx.AsyncClient:
    """A browser of an owner of the shop."""
    token = secrets.token_urlsafe()
    async with console.database.transaction() as tx:
        await store_invitations.insert_invitation(tx, token, "owner", shop, 48)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HOST)
    page = (await client.get(f"/invitation/{token}")).text
    fields = dict(re.findall(r'name="(token|form)" value="([^"]+)"', page))
    answer = await client.post(
        f"/invitation/{token}",
        data={**fields, "name": "Olga", "password": "correct horse battery staple", "agreed": "yes"},
        headers={"sec-fetch-site": "same-origin"},
    )
    assert answer.status_code == 303, answer.text
    return client

"""The HTTP side of all five services in this process, each on a database of its own with one shop that is set up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime

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
from regulars.testing import MigratedDatabase

MODULES = (orders_ingest.main, membership.main, segmentation.main, messaging.main, feedback.main)
NAMES = tuple(module.SERVICE.name for module in MODULES)
KEY = "an-operators-key-of-tests"
SHOP = "teahouse"
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

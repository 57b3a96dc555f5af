"""Forms of the console sent to the real HTTP side of the services: what they order is taken, what is bad is said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest_asyncio
from fastapi import FastAPI

from console.app import build_app
from console.web.page import Console

from ..conftest import SHOP, signed_in
from ..desk import Desk, WiredServices


@pytest_asyncio.fixture
async def desk(apps: dict[str, FastAPI], console: Console) -> AsyncIterator[Desk]:
    console.services = WiredServices(apps)
    async with aclosing(await signed_in(console, build_app(console), SHOP)) as client:
        made = Desk(client, console.services)
        await made.get("/tasks")
        yield made

"""A service with a toy's routes, on a real database, spoken to over ASGI."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated

import asyncpg
import httpx
import pytest
import pytest_asyncio
import structlog
from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, ConfigDict, SecretStr

from common.bus.broker import BrokerUnavailable
from common.http import api_keys, scopes
from common.http.api import Caller, Router, Tx, public, require
from common.http.app import build_app
from common.http.health import Readiness
from common.http.limits import large_body
from common.http.problems import Problem
from common.process import logs
from common.process.runtime import Runtime, Service, make_runtime
from common.process.settings import Settings
from common.values.links import link
from regulars.testing import MigratedDatabase

BOOTSTRAP = "bootstrap-key-of-the-tests"
METRICS_KEY = "metrics-key-of-the-tests"
router = Router()


class ThingIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int
    inner: dict[str, object] | None = None


@router.get("/v1/shops/{shop}/things")
async def list_things(
    caller: Annotated[Caller, require("things:read", recorded=True)], tx: Tx, big: Annotated[int, Query()] = 0
) -> dict[str, object]:
    return {"shop": caller.shop, "things": await tx.value("select count(*) from settings"), "big": big}


@router.post("/v1/shops/{shop}/things", status_code=202, dependencies=[require("things:write")])
async def add_thing(shop: str, body: ThingIn, tx: Tx) -> None:
    # A thing of the shop's; the table stands in for one of a service's own.
    await tx.execute(
        "insert into settings values (:shop, 'thing', to_jsonb(cast(:size as integer)))", shop=shop, size=body.size
    )
    if body.size > 100:
        raise Problem(409, "too_big", "Things are 100 at most.", most=100)


@router.get(link("s"), dependencies=[public("a signed link is its own key")])
async def answer_link(token: str) -> str:
    return token


@router.get("/v1/boom/{what}", dependencies=[public("shows how failures are answered")])
async def boom(what: str, tx: Tx) -> None:
    if what == "sql":
        await tx.execute("select * from there_is_no_such_table")
    away = {"timeout": TimeoutError, "broker": BrokerUnavailable, "session": asyncpg.ConnectionDoesNotExistError}
    if what in away:
        raise away[what]("db-7.internal did not answer")
    raise RuntimeError("the password is hunter2")


async def _length(request: Request) -> int:
    return sum([len(piece) async for piece in request.stream()])


router.post("/read", name="read", dependencies=[public("counts bytes")])(_length)
router.post("/import", name="import_file", dependencies=[public("counts more bytes"), large_body(12 * 2**20)])(_length)


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """As in production, where no traceback shows local variables; to nowhere."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    logs.configure("toy", "INFO", io.StringIO())
    yield
    root.handlers[:], root.level = before
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _scopes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the toy's routes."""
    for scope in ("things:read", "things:write"):
        monkeypatch.setitem(scopes.SCOPES, scope, "what the toy does")


@pytest_asyncio.fixture
async def runtime(database_from: MigratedDatabase) -> AsyncIterator[Runtime]:
    settings = Settings(
        database_url=await database_from(),
        kafka_bootstrap_servers="127.0.0.1:1",
        master_key=SecretStr(base64.b64encode(bytes(range(32))).decode()),
        bootstrap_api_key=SecretStr(BOOTSTRAP),
        metrics_key=SecretStr(METRICS_KEY),
        set_clock=True,
    )
    made = await make_runtime(
        Service("toy", migrations=Path(__file__).parent, routers=[router, api_keys.router]), settings
    )
    yield made
    await made.database.close()


@pytest.fixture
def app(runtime: Runtime) -> FastAPI:
    return build_app(runtime, Readiness())


@pytest_asyncio.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Carries the bootstrap key; errors of the app are answers, as behind a server."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {BOOTSTRAP}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as made:
        yield made

"""The limit of an ingest route: validates events and COPYs their rows, durable when answered.

`python -m bench.bare_route`: the limit beside P2. One worker writes all that waits, in one transaction, as the
product's collector does for single events.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.decoding import read_dict
from bench.rows import Copier, read_tables
from common.storage.migrate import driver_url


class Writer:
    """Collects what comes while the transaction before commits."""

    def __init__(self, copier: Copier) -> None:
        self._copier = copier
        self._waiting: asyncio.Queue[tuple[int, asyncio.Future[None]]] = asyncio.Queue()

    async def write(self, events: int) -> None:
        """Return when the rows of so many events are committed."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((events, done))
        await done

    async def run(self) -> None:
        while True:
            group = [await self._waiting.get()]
            while not self._waiting.empty():
                group.append(self._waiting.get_nowait())
            await self._copier.copy(sum(events for events, _ in group))
            for _, done in group:
                done.set_result(None)


async def take(request: Request) -> Response:
    """Validate one event or many, have their rows written, answer like the product."""
    body = orjson.loads(await request.body())
    many = body if isinstance(body, list) else [body]
    answers = [{"id": read_dict(each).id, "status": "accepted"} for each in many]
    await request.app.state.writer.write(len(many))
    return Response(
        orjson.dumps({"results": answers} if isinstance(body, list) else answers[0]),
        202,
        media_type="application/json",
    )


async def ready(_: Request) -> Response:
    return Response(b"{}")


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    model = await read_tables(os.environ["BENCH_MODEL"])
    connection = await asyncpg.connect(driver_url(os.environ["DATABASE_URL"]))
    writer = app.state.writer = Writer(Copier(connection, model, int(os.environ["BENCH_MODEL_EVENTS"])))
    working = asyncio.create_task(writer.run())
    yield
    working.cancel()
    await connection.close()


APP = Starlette(
    routes=[Route("/v1/shops/{shop}/events", take, methods=["POST"]), Route("/health/ready", ready)],
    lifespan=_lifespan,
)

if __name__ == "__main__":
    uvicorn.run(
        APP,
        host="127.0.0.1",
        port=int(os.environ["HTTP_PORT"]),
        log_level="warning",
        access_log=False,
        http="httptools",
        loop="uvloop",
    )

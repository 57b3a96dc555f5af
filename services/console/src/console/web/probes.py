"""Liveness and readiness, as every service answers them; without the parts that read the bus."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response

from common.storage.database import Database

WITHIN_S = 2.0


def router(database: Database) -> APIRouter:
    """GET /health/live and /health/ready."""
    routes = APIRouter(prefix="/health")

    @routes.get("/live")
    async def live() -> dict[str, str]:
        return {"status": "alive"}

    @routes.get("/ready")
    async def ready(response: Response) -> dict[str, object]:
        """Whether people can sign in; a service that is down is shown on pages and makes the console not unready."""
        said = await _ask(database)
        response.status_code = 200 if said == "ok" else 503
        return {"ready": said == "ok", "parts": ["api"], "checks": {"database": said}}

    return routes


async def _ask(database: Database) -> str:
    try:
        async with asyncio.timeout(WITHIN_S), database.transaction() as tx:
            await tx.value("select 1 from people limit 1")
    except TimeoutError:
        return f"no answer within {WITHIN_S:g} s"
    except Exception as error:
        # The class says enough; the message may name hosts and users.
        return type(error).__name__
    return "ok"

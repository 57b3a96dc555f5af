"""Whether the services believe the console who its people are, asked once when it starts."""

from __future__ import annotations

import asyncio

import structlog

from console.client import Ask, Services

log = structlog.get_logger()
AGAIN_S = 15.0


async def warn_unless_believed(services: Services) -> None:
    """A line of the log where all people are one person to limits and to rules that need two, since the key lacks
    `people:vouch` (SEC-012). Asks until orders-ingest says so or not; one of a release before this one does neither."""
    while True:
        (answer,) = await services.ask(Ask("orders-ingest", "/v1/keys/own"))
        if answer.ok:
            return
        if answer.slug == "missing_scope":
            break
        await asyncio.sleep(AGAIN_S)
    log.warning("people_are_one", reason=answer.slug, mend="give SERVICES_API_KEY the scope people:vouch")

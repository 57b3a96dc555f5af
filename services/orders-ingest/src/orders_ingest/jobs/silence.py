"""Shops that have fallen silent, or of which much is refused, as metrics; looked at once a minute (ORD-041)."""

from __future__ import annotations

from datetime import datetime

import structlog

from common.process.runtime import Runtime
from common.storage.database import Transaction
from common.storage.failures import passes
from orders_ingest.metrics import SHOP_REFUSED, SHOP_SILENT
from orders_ingest.tallies import store
from orders_ingest.tallies.rules import HOUR, asked_hours, hour_of, silence_of

log = structlog.get_logger()
EVERY_S = 60.0


async def look(tx: Transaction, now: datetime) -> dict[str, str]:
    """Set the metrics; a sentence for each shop that is silent."""
    events = await store.get_events(tx, asked_hours(now))
    silences = {shop: silence_of(hours, now) for shop, hours in events.items()}
    SHOP_SILENT.clear()
    for shop, silence in silences.items():
        SHOP_SILENT.labels(shop).set(silence.silent)
    SHOP_REFUSED.clear()
    for row in await store.list_refused(tx, hour_of(now) - HOUR):
        SHOP_REFUSED.labels(row.shop).set(row.refused / (row.refused + row.events))
    return {shop: silence.sentence for shop, silence in silences.items() if silence.silent}


async def watch_shops(runtime: Runtime) -> None:
    """Look every minute, until the process stops; a shop that falls silent is logged once."""
    known: dict[str, str] = {}
    while not runtime.stopping.is_set():
        try:
            async with runtime.database.transaction() as tx:
                found = await look(tx, tx.clock.now())
        except Exception as error:
            if not passes(error):
                raise
            found = known
        for shop in found.keys() - known.keys():
            log.warning("shop_silent", shop=shop, detail=found[shop])
        known = found
        await runtime.idle(EVERY_S)

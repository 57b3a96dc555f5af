"""What is orders-ingest made of? Wiring only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from common import api_keys
from common.broker import ensure_topics
from common.consumer import RawSubscription
from common.crypto import master_key_from
from common.db import Transaction
from common.events.topics import Topic, intake_topic
from common.keys import KeyRing
from common.runtime import Service
from common.service import main as run
from common.settings import load_settings
from orders_ingest.api import customers, events, imports, orders, settings
from orders_ingest.handlers.ingest import Vault
from orders_ingest.handlers.intake_topics import subscriptions
from orders_ingest.jobs.imports import run_imports
from orders_ingest.store import imports as import_store
from orders_ingest.store import shops as shop_store

_HERE = Path(__file__).resolve().parent
# Installed from a wheel, the migrations stand within the package; in the repository beside src.
_MIGRATIONS = next(folder for folder in (_HERE / "migrations", _HERE.parents[1] / "migrations") if folder.is_dir())
_A_WEEK_MS = str(7 * 24 * 3600 * 1000)


async def intake(tx: Transaction) -> Sequence[RawSubscription]:
    """The topics of the shops that speak Kafka; made where they are missing."""
    shops = await shop_store.list_intake_shops(tx)
    if not shops:
        return []
    environment = load_settings()
    master = master_key_from(environment.master_key.get_secret_value())
    topics = [Topic(intake_topic(shop), SERVICE.name, config={"retention.ms": _A_WEEK_MS}) for shop in shops]
    await ensure_topics(environment.kafka_bootstrap_servers, topics)
    return subscriptions(Vault(KeyRing(master), master), shops)


async def counters(tx: Transaction) -> dict[str, int]:
    """`leases`: rows of imports whose time has come and that are not in yet; a stack has not settled before."""
    return {"leases": await import_store.count_due(tx, tx.clock.now())}


async def due(tx: Transaction, now: datetime) -> int:
    return await import_store.count_due(tx, now)


SERVICE = Service(
    name="orders-ingest",
    migrations=_MIGRATIONS,
    raw=intake,
    routers=(events.router, orders.router, customers.router, imports.router, settings.router, api_keys.router),
    background=(run_imports,),
    counters=counters,
    due=due,
)

if __name__ == "__main__":
    run(SERVICE)

"""The parts that orders-ingest is made of: wiring only."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from common.bus.subscriptions import RawSubscription
from common.http import api_keys
from common.process.runtime import Copied, Runtime, Service
from common.process.settings import load_settings
from common.service.commands import main as run
from common.storage.database import Transaction
from orders_ingest.api import (
    catalogue,
    customers,
    dead,
    details,
    erasures,
    events,
    finding,
    fulfilment,
    imports,
    intake,
    order_lists,
    orders,
    recognition,
    reconciliations,
    refunds,
    refused_lines,
    report,
    retention,
    settings,
    sharing,
    sharing_files,
    special_requests,
    traffic,
    uploads,
    visits,
    webhooks,
)
from orders_ingest.handlers import deliveries, intake_topics
from orders_ingest.handlers.erasures import confirmations, confirmed_topics
from orders_ingest.handlers.read_back import read_back
from orders_ingest.imports import store as import_store
from orders_ingest.imports.store_uploads import count_readings
from orders_ingest.jobs.dues import jobs
from orders_ingest.jobs.imports import run_imports
from orders_ingest.jobs.intake import read_intake
from orders_ingest.jobs.keys import SEALED
from orders_ingest.jobs.open_erasures import watch_erasures
from orders_ingest.jobs.polling import poll_lists
from orders_ingest.jobs.reading import read_files
from orders_ingest.jobs.silence import watch_shops
from orders_ingest.journeys import store as journey_store
from orders_ingest.orders import store_due as due_store
from orders_ingest.reconciliation.settings import OrderListSettings
from orders_ingest.shops.store import list_intake_shops
from orders_ingest.shops.topics import topic_of
from orders_ingest.verification.run import verify

_HERE = Path(__file__).resolve().parent
# Installed from a wheel, the migrations stand within the package; in the repository beside src.
_MIGRATIONS = next(folder for folder in (_HERE / "migrations", _HERE.parents[1] / "migrations") if folder.is_dir())

_NOT_READ = "(shop, job_id) not in (select shop, job_id from import_jobs where state = 'reading')"


async def counters(tx: Transaction) -> dict[str, int]:
    """`leases`: files to be read, and rows of imports whose time has come and that are not in yet; a stack has not
    settled before."""
    return {"leases": await count_readings(tx) + await import_store.count_due(tx, tx.clock.now())}


async def due(tx: Transaction, now: datetime) -> int:
    """Rows of imports, orders, and ways to orders that fall due by `now`."""
    counted = (import_store.count_due, due_store.count_due, journey_store.count_due)
    return sum([await count(tx, now) for count in counted])


async def list_intake_topics(tx: Transaction) -> list[str]:
    """The topics on which services confirm erasures, and those of the shops whose intake is on."""
    return [*confirmed_topics(), *(topic_of(shop).name for shop in await list_intake_shops(tx))]


def raw(runtime: Runtime, topic: str) -> RawSubscription | None:
    """The reader of a shop's own topic, or of dead deliveries of webhooks."""
    if topic in confirmed_topics():
        return confirmations()
    return intake_topics.reader(runtime, topic) or deliveries.reader(runtime, topic)


def private_hosts() -> bool:
    """Whether a list of orders may be asked for in a private network."""
    return load_settings(OrderListSettings).order_lists_private_hosts


async def ask_for_lists(runtime: Runtime) -> None:
    """Shops' own lists of orders are asked for, for the process's life."""
    await poll_lists(runtime, private=private_hosts())


SERVICE = Service(
    name="orders-ingest",
    migrations=_MIGRATIONS,
    settings=(OrderListSettings,),
    read_back=read_back,
    copied=(
        # A file that is being read when the rebuild takes over is sent anew: its parts are not taken along.
        Copied("import_jobs", "state <> 'reading'"),
        *(Copied(table, _NOT_READ) for table in ("import_rows", "import_refusals")),
        *(Copied(table) for table in ("settings", "privacy_requests")),
        *(Copied(table) for table in ("tallies", "erasures", "reconciliations")),
        *(Copied(table) for table in ("reconciled_orders", "reconciliation_findings")),
        *(Copied(table) for table in ("sharing_partners", "shares", "share_files", "sharing_consents")),
        Copied("erasure_confirmations", "service = 'orders-ingest'"),
        # Refunds that were accepted and not announced yet, with the rows that hold a place for their orders.
        Copied("orders", "revision is null"),
        Copied("refunds", "state <> 'counted'", claimed=True),
        Copied("replaced_refunds", claimed=True),
    ),
    raw=raw,
    raw_topics=list_intake_topics,
    routers=(
        events.router,
        orders.router,
        details.router,
        fulfilment.router,
        special_requests.router,
        catalogue.router,
        visits.router,
        traffic.router,
        refunds.router,
        report.router,
        customers.router,
        erasures.router,
        finding.router,
        recognition.router,
        reconciliations.router,
        order_lists.routes(private_hosts),
        imports.router,
        uploads.router,
        refused_lines.router,
        intake.router,
        dead.router,
        settings.router,
        retention.router,
        sharing.router,
        sharing_files.router,
        webhooks.router,
        api_keys.router,
    ),
    jobs=jobs,
    sealed=SEALED,
    background={
        "consumer": (read_intake,),
        "sweeps": (read_files, run_imports, ask_for_lists, watch_shops, watch_erasures),
    },
    counters=counters,
    due=due,
    keeps_claims=True,  # a file may be imported again after years
    verify=verify,
)

if __name__ == "__main__":
    run(SERVICE)

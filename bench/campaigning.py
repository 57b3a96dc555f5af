"""P8: a campaign to many customers, planned, decided under the caps, and queued, by one process.

What nothing speaks against is decided as the customers come in (decision 0074); a sweep decides what is left.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil

from bench import machine
from bench.figures import Figure, Result
from bench.servers import Servers
from bench.workload import SHOP
from common.storage.database import Database
from common.work.sweeps import Sweeper
from messaging.campaigns.document import CampaignDocument
from messaging.commands.campaigns import save_campaign
from messaging.jobs.deciding import DECIDING
from messaging.jobs.planning import Planning
from regulars.stack.usage import cpu_seconds

IN_A_WINDOW = datetime(2025, 3, 4, 2, tzinfo=UTC)
"""Tuesday, 10:00 in Shanghai."""
MOST_S, MOST_MB = 120.0, 300.0
_WHO = "select :shop, 'c' || lpad(n::text, 8, '0')"
_OF_ALL = "from generate_series(1, cast(:customers as integer)) n"
_ROWS = (
    f"insert into customers (shop, customer) {_WHO} {_OF_ALL}",
    f"insert into contacts (shop, customer, revision, at) {_WHO}, 1, cast('2025-01-01' as timestamptz) {_OF_ALL}",
    f"insert into customer_keys (shop, customer, key_id, wrapped) {_WHO}, 'k1', '' {_OF_ALL}",
    f"""
    insert into contact_addresses (shop, customer, channel, revision, at, field, sealed, state, address)
    {_WHO}, 'email', 1, cast('2025-01-01' as timestamptz), 'email', '', 'valid', decode(md5(n::text), 'hex') {_OF_ALL}
    """,
    f"""
    insert into permissions (shop, customer, channel, purpose, at, rank, source, id, state)
    {_WHO}, 'email', 'marketing', cast('2025-01-01' as timestamptz), 30, '/shops/s/shop', 'c' || n, 'granted'
    {_OF_ALL}
    """,
)
_TABLES = ("customers", "contacts", "customer_keys", "contact_addresses", "permissions")


@dataclass(frozen=True, slots=True)
class Size:
    """So many customers, each with an address and consent, and nothing sent before."""

    customers: int = 1_000_000


class Standing:
    """A clock that stands still in a window."""

    def now(self) -> datetime:
        return IN_A_WINDOW


async def measure(ours: Servers, result: Result, size: Size) -> None:
    """Plan the campaign to all of them, then decide and queue all messages; the memory is looked at all the time."""
    database = Database(await ours.database("messaging"), clock=Standing(), service="messaging")
    try:
        for statement in _ROWS:
            async with database.transaction() as tx:
                await tx.execute(statement, shop=SHOP, customers=size.customers)
        for table in _TABLES:
            async with database.transaction() as tx:
                await tx.execute(f"analyze {table}")
        async with database.transaction() as tx:
            await save_campaign(tx, SHOP, _document(), "running")
        await _measure(database, ours.postgres.pid, result, size)
    finally:
        await database.close()


async def _measure(database: Database, postgres: int, result: Result, size: Size) -> None:
    load, process = machine.load(), psutil.Process()
    before = peak = process.memory_info().rss
    spent, in_database = process.cpu_times(), cpu_seconds(postgres)
    began, planned, planning = time.monotonic(), 1, Planning(database)
    while planned:
        async with database.transaction() as tx:
            planned = await planning.plan(tx, IN_A_WINDOW, 1)
        peak = max(peak, process.memory_info().rss)
    used = process.cpu_times()
    python_us = (used.user + used.system - spent.user - spent.system) / size.customers * 1e6
    database_us = (cpu_seconds(postgres) - in_database) / size.customers * 1e6
    for table in ("candidates", "campaign_members"):
        async with database.transaction() as tx:
            await tx.execute(f"analyze {table}")
    planned_s, load_of_sweep, began = time.monotonic() - began, machine.load(), time.monotonic()
    # The service's own list, with its own size of a batch.
    sweep = asyncio.create_task(Sweeper(database, [DECIDING]).sweep(patiently=True))
    while not sweep.done():
        peak = max(peak, process.memory_info().rss)
        await asyncio.wait([sweep], timeout=0.5)
    decided = sweep.result()
    decided_s = time.monotonic() - began
    async with database.transaction() as tx:
        queued = int(await tx.value("select count(*) from messages where state = 'queued'"))
    of, whole = f"{size.customers:,} customers", size.customers >= 1_000_000
    result.figures += [
        Figure("P8", f"a campaign to {of}, planned; what nothing speaks against queued", planned_s, "s", load),
        Figure("P8", f"the {decided:,} messages that were left to the sweep", decided_s, "s", load_of_sweep),
        Figure("P8", f"a campaign to {of}, in all", planned_s + decided_s, "s", load, most=MOST_S if whole else None),
        Figure("P8", f"{of}, a second", size.customers / (planned_s + decided_s), "/s", load, least=1e6 / MOST_S),
        Figure("P8", f"memory that {of} took beyond the start", (peak - before) / 2**20, "MB", load, most=MOST_MB),
    ]
    result.notes.append(
        f"P8: {queued:,} messages were queued, the others held out; one process plans and decides. A customer takes "
        f"{python_us:.0f} µs of its CPU and {database_us:.0f} µs of PostgreSQL's, two pages at once."
    )


def _document() -> CampaignDocument:
    return CampaignDocument.model_validate(
        {
            "campaign": "bench",
            "title": "Bench",
            "goal": "to be measured",
            "starts_at": "2025-03-04T01:00:00Z",
            "variants": [{"name": "a", "template": "win_back"}, {"name": "b", "template": "wake_up"}],
        }
    )

"""Lists of orders of shops' own systems are asked for, page after page, and compared with ours (L5)."""

from __future__ import annotations

import math
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from common.process.runtime import Runtime
from common.shops.settings import get_shop
from common.storage.database import Database, Transaction
from common.storage.failures import passes, where
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.take_listed import take_page
from orders_ingest.metrics import ORDER_LIST_PAGES
from orders_ingest.reconciliation import client, store_lists, store_polling
from orders_ingest.reconciliation.lists.protocol import (
    Answer,
    Asked,
    InvalidSource,
    OrderList,
    Source,
    UnreadablePage,
)
from orders_ingest.reconciliation.lists.registry import LISTS
from orders_ingest.reconciliation.store_polling import Polled

log = structlog.get_logger()
IDLE_S, PACE_S = 2.0, 0.5
"""Between looks for a run, and between two pages: Shopify's REST API lets an app ask twice a second."""
LONGEST_WAIT = timedelta(minutes=5)
MOST_ASKED_FOR = timedelta(hours=1)
"""A system that asks for more patience than this is asked again after it."""
MOST_FAILURES = 30
"""In a row, over about two hours; then the run ends and says why."""
DAYS = timedelta(days=3)
"""What a daily run looks back: two days more than it must, for a day on which the system was away."""
FROM_HOUR = 3
"""Of the shop's day, in its zone: when a daily run begins."""


class Fetch(Protocol):
    """As `client.fetch`."""

    def __call__(self, asked: Asked, *, private: bool) -> Awaitable[Answer]:
        """The answer. Raises Unreachable, Forbidden."""


class _Later(Exception):
    """The page is asked for again after a while."""

    def __init__(self, detail: str, wait: timedelta | None = None) -> None:
        super().__init__(detail)
        self.detail, self.wait = detail, wait


class _Never(Exception):
    """Asking again would change nothing; a person must do something first."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


async def poll_next(database: Database, vault: Vault, *, private: bool, fetch: Fetch = client.fetch) -> bool:
    """Ask for the next page of the run that has waited longest, and take it; whether there was one.

    No transaction is open while a system is waited for; the run is leased. Killed at any point, the page is asked for
    again when the lease is over. What one system says, however odd, holds up its own run alone.
    """
    async with database.transaction() as tx:
        run = await store_polling.lease(tx)
    if run is None:
        return False
    kind = LISTS[run.vendor]
    try:
        async with database.transaction() as tx:
            source = await store_lists.get_source(tx, vault, run.shop, run.vendor)
        page = kind.read(await _asked(kind, source, run, private, fetch), run.place)
        await take_page(database, vault, kind, run, page)
    except (_Later, UnreadablePage) as error:
        wait = error.wait if isinstance(error, _Later) else None
        await _delay(database, run, str(error), wait)
    except _Never as error:
        ORDER_LIST_PAGES.labels(run.vendor, "refused").inc()
        await _stop(database, run, error.detail)
    except Exception as error:
        if passes(error):
            raise
        # The trace may quote the page.
        log.error("polling_failed", shop=run.shop, run=run.run_id, where=where(error))
        await _delay(database, run, "a page could not be taken: the log of orders-ingest says where", None)
    else:
        ORDER_LIST_PAGES.labels(run.vendor, "taken").inc()
    return True


async def _asked(kind: OrderList, source: Source | None, run: Polled, private: bool, fetch: Fetch) -> Answer:
    if source is None:
        raise _Never("the list is not connected any more: PUT …/order-lists/<vendor>")
    try:
        # Again, for the installation may have said since that private hosts are not asked.
        kind.check(source, private=private)
        answer = await fetch(kind.ask(source, run.since, run.place), private=private)
    except client.Unreachable as error:
        raise _Later(f"the shop's system was not reached: {error}") from None
    except (client.Forbidden, InvalidSource) as error:
        raise _Never(f"the address is not asked: {error}") from None
    _judge(answer)
    return answer


def _judge(answer: Answer) -> None:
    """Raises _Later, _Never for what is no page."""
    status = answer.status
    if status == 429:
        raise _Later("the shop's system asked for patience (429)", _patience(answer.headers.get("retry-after", "")))
    if status in (408, 425) or status >= 500:
        raise _Later(f"the shop's system answered {status}")
    if status in (401, 403):
        raise _Never(f"the shop's system refuses the secret ({status}): set one that may read orders")
    if 300 <= status < 400:
        raise _Never(f"the shop's system answers with a redirect ({status}): set the address that it leads to")
    if status != 200:
        raise _Never(f"the shop's system answered {status}: look at the address")


def _patience(said: str) -> timedelta | None:
    """`Retry-After` in seconds, which Shopify writes as `2.0`; of a date, and of nothing, our own wait."""
    try:
        seconds = float(said)
    except ValueError:
        return None
    if not math.isfinite(seconds):
        return None
    return timedelta(seconds=min(max(0.0, seconds), MOST_ASKED_FOR.total_seconds()))


async def _delay(database: Database, run: Polled, detail: str, wait: timedelta | None) -> None:
    ORDER_LIST_PAGES.labels(run.vendor, "later").inc()
    if run.failures + 1 >= MOST_FAILURES:
        await _stop(database, run, f"{detail}; asked {MOST_FAILURES} times")
        return
    own = min(timedelta(seconds=2 ** min(run.failures + 1, 10)), LONGEST_WAIT)
    async with database.transaction() as tx:
        await store_polling.delay(tx, run, own if wait is None else wait, detail)


async def _stop(database: Database, run: Polled, detail: str) -> None:
    log.warning("reconciliation_stopped", shop=run.shop, run=run.run_id, detail=detail)
    async with database.transaction() as tx:
        await store_polling.stop_run(tx, run.shop, run.run_id, detail)


async def begin_daily(tx: Transaction, now: datetime) -> int:
    """Begin the day's run of each list that is compared daily, once its shop's day is some hours old; how many."""
    begun = 0
    for each in await store_lists.list_daily(tx):
        local = now.astimezone((await get_shop(tx, each.shop)).at(now).zone)
        if local.hour >= FROM_HOUR:
            name = f"{each.vendor}-{local:%Y-%m-%d}"
            begun += await store_polling.insert_polled(tx, each.shop, name, each.vendor, now - DAYS, now)
    return begun


async def poll_lists(runtime: Runtime, *, private: bool) -> None:
    """For the process's life. A stack with a set clock asks nobody: its time is not the systems'."""
    if runtime.settings.set_clock:
        await runtime.stopping.wait()
        return
    vault = Vault(runtime.keys)
    next_day = runtime.clock.now()
    while not runtime.stopping.is_set():
        wait = IDLE_S
        try:
            if runtime.clock.now() >= next_day:
                async with runtime.database.transaction() as tx:
                    await begin_daily(tx, tx.clock.now())
                next_day = runtime.clock.now() + timedelta(minutes=5)
            if await poll_next(runtime.database, vault, private=private):
                wait = PACE_S
        except Exception as error:
            if not passes(error):
                raise
            log.warning("polling_paused", reason=type(error).__name__, detail=str(error)[:300])
        await runtime.idle(wait)

"""messaging: wiring only."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime
from pathlib import Path

import structlog

from common.process.runtime import Runtime, Service
from common.process.settings import Settings
from common.service.commands import main
from common.storage.database import Database, Transaction
from common.storage.failures import is_temporary
from common.work.sweeps import BATCH, WorkList, work
from messaging.api import bounces, decisions, pauses, permissions, policy, unsubscribe_page
from messaging.channels.smtp.connection import Deadlines, SmtpServer
from messaging.consent.links import UnsubscribeLinks
from messaging.decisions import store as candidates
from messaging.delivery.pauses.store import list_pauses
from messaging.delivery.queue import store as queue
from messaging.delivery.worker.desk import Sender
from messaging.handlers import subscriptions
from messaging.jobs.deciding import decide_due_now, decide_notices, take_due, take_due_notices
from messaging.jobs.verifying import verify
from messaging.jobs.waking import listen

log = structlog.get_logger()


def smtp_server(settings: Settings) -> SmtpServer:
    """The mail server as the environment describes it."""
    password = settings.smtp_password.get_secret_value() if settings.smtp_password else ""
    deadlines = Deadlines(settings.smtp_connect_s, settings.smtp_command_s, settings.smtp_data_s, settings.smtp_text_s)
    return SmtpServer(
        settings.smtp_host, settings.smtp_port, settings.smtp_tls, settings.smtp_tls_verify, settings.smtp_ca_file,
        settings.smtp_user, password, deadlines,
    )  # fmt: skip


async def send_and_decide_promptly(runtime: Runtime) -> None:
    """The sender, and what wakes it and the sweep at once when there is something for them."""
    settings = runtime.settings
    links = UnsubscribeLinks(runtime.master, settings.public_url)
    sender = Sender(runtime.database, runtime.keys, links, smtp_server(settings))
    arrived = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(sender.run(runtime.stopping), name="sender")
        group.create_task(
            listen(runtime.database, {"messages": sender.wake, "candidates": arrived.set}, runtime.stopping)
        )
        if not settings.set_clock:
            group.create_task(_sweep_when(arrived, runtime), name="prompt-sweep")


async def _sweep_when(arrived: asyncio.Event, runtime: Runtime) -> None:
    """The regular sweep comes every second; an order notice need not wait for it, nor for an import that is read."""
    while not runtime.stopping.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(arrived.wait(), 1)
        prompt = arrived.is_set()
        arrived.clear()
        try:
            if runtime.consumer is not None and await runtime.consumer.behind():
                await decide_all_notices(runtime.database)
            elif prompt:
                await runtime.sweeper.sweep(patiently=True)
        except Exception as error:
            # The regular sweep finds the same rows due.
            log.warning("prompt_sweep_failed", temporary=is_temporary(error), detail=repr(error)[:300])


async def decide_all_notices(database: Database) -> None:
    """Notices are decided however much is still to be read; what time decides waits for it."""
    # Under the name of the regular list: who was set aside there is set aside here, too.
    notices = WorkList("decide", take_due_notices, decide_notices)
    done: int | None = 1
    while done:
        async with database.transaction() as tx:
            done = await work(tx, notices, tx.clock.now(), BATCH)


async def counters(tx: Transaction) -> dict[str, int]:
    """`leases`: messages queued or being handed off. What they became stands in the facts published."""
    return {"leases": sum(await queue.count_open(tx))}


async def due(tx: Transaction, now: datetime) -> int:
    """Candidates to be judged and messages to be sent."""
    return await candidates.count_due(tx, now) + (await queue.count_open(tx))[0]


async def email_note(tx: Transaction) -> str | None:
    """For readiness: is the mail channel paused, and why?"""
    running = [p for p in await list_pauses(tx, "email") if not p.over]
    if not running:
        return None
    first = running[0]
    which = f"shop {first.shop}" if first.shop else "all shops"
    more = f", and {len(running) - 1} more shops" if len(running) > 1 else ""
    return f"paused for {which}{more} until {first.until:%H:%M:%S} UTC: {first.reason} at {first.stage}"


SERVICE = Service(
    name="messaging",
    migrations=Path(__file__).parents[2] / "migrations",
    subscriptions=subscriptions,
    routers=(
        decisions.router,
        policy.router,
        pauses.router,
        permissions.router,
        bounces.router,
        unsubscribe_page.router,
    ),
    jobs=(WorkList("decide", take_due, decide_due_now),),
    background=(send_and_decide_promptly,),
    counters=counters,
    due=due,
    verify=verify,
    notes={"email": email_note},
)

if __name__ == "__main__":
    main(SERVICE)

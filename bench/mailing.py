"""MAILS: a queue of mails handed off by one process (P8), beside a bare client that sends as many.

`python -m bench.mailing --customers 100000` sends a campaign by the whole service, kills it with SIGKILL half way,
starts it again, and counts who got the mail, how often, and of whom nobody knows.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path

import aiosmtplib
import asyncpg

from bench import machine
from bench.figures import Figure, Result
from bench.mail_customers import fill
from bench.servers import API_KEY, ROOT, Failed, Servers, make_topics, servers, serving
from bench.workload import SHOP
from common.storage.database import Database
from common.storage.migrate import driver_url
from messaging.campaigns.document import CampaignDocument
from messaging.channels.smtp.channel import SmtpChannel
from messaging.channels.smtp.mail import Mail, build
from messaging.commands.campaigns import save_campaign
from messaging.jobs.planning import Planning
from messaging.limits.contact_hours.state import Window
from messaging.policy.state import Policy
from messaging.policy.store import POLICIES
from regulars.client import Services
from regulars.stack.usage import cpu_seconds, memory_mb

LEAST_A_SECOND = 1_000.0
CAMPAIGN = "spring"
STANDS_STILL_S = 120.0
LOOK_EVERY_S = 5.0
_TEXT = "Dear Ann,\r\n\r\nyou have not been with us for a while.\r\n" + "A line of text as mails have it.\r\n" * 15


@dataclass(frozen=True, slots=True)
class Size:
    """Mails in the queue, and mails of the bare client."""

    customers: int = 30_000
    bare: int = 5_000


@contextmanager
def counting(path: Path) -> Iterator[int]:
    """A mail server that notes Message-IDs in the file, in a process of its own; gives its port."""
    argv = [sys.executable, "-m", "bench.mail_server", str(path)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


async def measure(ours: Servers, result: Result, size: Size) -> None:
    """The bare client first; then the sender alone, on a campaign that was queued before it started."""
    taken = ours.folder / "mails.txt"
    with counting(taken) as port:
        load, bare = machine.load(), await _bare(port, size.bare)
        url = await ours.database("messaging")
        env = ours.settings("messaging", url, SMTP_HOST="127.0.0.1", SMTP_PORT=str(port))
        async with _filled(url, env["MASTER_KEY"], size.customers) as database:
            async with database.transaction() as tx:
                await save_campaign(tx, SHOP, _document(), "running")
            planned = 1
            while planned:
                async with database.transaction() as tx:
                    planned = await Planning(database).plan(tx, tx.clock.now(), 1)
        first = _count(taken)
        argv = ["messaging.main", "serve", "--only", "sender"]
        with serving(ours.folder, "sender", argv, env) as (_, pid):
            before, began = _count(taken), time.monotonic()
            spent = cpu_seconds(pid, [pid])
            await _until(taken, first + size.customers)
            seconds, sent = time.monotonic() - began, first + size.customers - before
            spent = (cpu_seconds(pid, [pid]) - spent) / sent * 1000
            memory = memory_mb(pid, [pid])
    result.figures.append(
        Figure(
            "MAILS", f"{size.customers:,} queued mails handed off by one process; limit: a bare client",
            sent / seconds, "/s", load, limit=bare, least=LEAST_A_SECOND,
        )
    )  # fmt: skip
    result.notes.append(
        f"MAILS: the sender spends {spent:.2f} ms of CPU on a mail (leased, looked at again, written, handed off, "
        f"recorded, announced) and holds {memory:.0f} MB; the bare client has as many connections "
        f"({SmtpChannel.workers}) and one text for all. The server notes the Message-ID alone."
    )


async def _bare(port: int, mails: int) -> float:
    """Mails a second of plain SMTP clients, as many as the channel has workers, each on one connection."""
    text = build(Mail("bare", "shop@example.test", "Shop", "ann@example.test", "Spring", _TEXT, datetime.now(UTC), {}))
    left = iter(range(mails))

    async def one() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
            for _ in left:
                await client.sendmail("shop@example.test", ["ann@example.test"], text)

    began = time.monotonic()
    await asyncio.gather(*(one() for _ in range(SmtpChannel.workers)))
    return mails / (time.monotonic() - began)


@asynccontextmanager
async def _filled(url: str, master_key: str, customers: int) -> AsyncIterator[Database]:
    """The database with so many customers who may be written to at any hour."""
    database = Database(url, service="messaging")
    try:
        async with database.transaction() as tx:
            all_day = Window(start=clock_time(0), end=clock_time(23, 59, 59, 999999))
            since = tx.clock.now() - timedelta(days=1)
            await POLICIES.insert(tx, SHOP, 1, since, Policy(windows=(all_day,)))
        await fill(url, SHOP, master_key, customers)
        yield database
    finally:
        await database.close()


def _document() -> CampaignDocument:
    return CampaignDocument.model_validate(
        {
            "campaign": CAMPAIGN,
            "title": "Spring",
            "goal": "to be measured",
            "starts_at": "2025-03-04T01:00:00Z",
            "hold_out_percent": 0,
            "variants": [{"name": "a", "template": "win_back"}, {"name": "b", "template": "wake_up"}],
        }
    )


def _count(taken: Path) -> int:
    return taken.read_bytes().count(b"\n")


async def _until(taken: Path, count: int) -> None:
    """Until the server has so many. Raises Failed where nothing comes for long."""
    last, since = _count(taken), time.monotonic()
    while last < count:
        await asyncio.sleep(0.05)
        now = _count(taken)
        if now == last and time.monotonic() - since > STANDS_STILL_S:
            raise Failed(f"{now} of {count} mails arrived, and none for {STANDS_STILL_S:.0f} s")
        if now > last:
            last, since = now, time.monotonic()


# -- a campaign whose process is killed


async def through_a_kill(ours: Servers, customers: int) -> None:
    """Start the campaign over HTTP, watch its progress, kill the process half way, start it again. Raises Failed."""
    taken = ours.folder / "mails.txt"
    with counting(taken) as port:
        url = await ours.database("messaging")
        env = ours.settings("messaging", url, SMTP_HOST="127.0.0.1", SMTP_PORT=str(port))
        async with _filled(url, env["MASTER_KEY"], customers):
            pass
        argv, began = ["messaging.main", "serve"], time.monotonic()
        with serving(ours.folder, "messaging", argv, env) as (address, pid):
            async with Services({"messaging": address}, API_KEY) as services:
                path = f"/v1/shops/{SHOP}/campaigns/{CAMPAIGN}"
                document = _document().model_dump(mode="json", exclude_none=True)
                await services.call("messaging", "PUT", path, json={"document": document})
                await services.call("messaging", "POST", f"{path}/actions", json={"action": "start"})
                while _count(taken) < customers // 2:
                    await _show(services, path, began)
                os.kill(pid, signal.SIGKILL)
        killed = _count(taken)
        print(f"killed with SIGKILL after {killed:,} mails; started again")
        with serving(ours.folder, "messaging", argv, env) as (address, _):
            async with Services({"messaging": address}, API_KEY) as services:
                while await _open(url):
                    await _show(services, path, began)
                await _show(services, path, began)
        await _judge(url, taken.read_text(encoding="ascii").split(), customers)


async def _show(services: Services, path: str, began: float) -> None:
    at = await services.get("messaging", f"{path}/progress")
    what = ", ".join(f"{count:,} {name}" for name, count in sorted(at["messages"].items()))
    print(f"{time.monotonic() - began:5.0f} s  {at['share']:4.0%} looked at, {at['treated']:,} written to: {what}")
    await asyncio.sleep(LOOK_EVERY_S)


async def _open(url: str) -> bool:
    (left,) = await _rows(
        url,
        "select exists (select from messages where state in ('queued', 'leased'))"
        " or exists (select from candidates where release_at is not null)"
        " or not (select bool_and(done) from campaigns) as left",
    )
    return bool(left["left"])


async def _judge(url: str, arrived: Sequence[str], customers: int) -> None:
    """Print who got it how often. Raises Failed where somebody got it twice, or got nothing though it says `sent`."""
    states = {r["message_id"]: r["state"] for r in await _rows(url, "select message_id, state from messages")}
    received = Counter(arrived)
    twice = sum(1 for count in received.values() if count > 1)
    lost = sum(1 for message, state in states.items() if state == "sent" and message not in received)
    doubt = [message for message, state in states.items() if state == "unknown"]
    print(
        f"{customers:,} customers, {len(states):,} messages: {Counter(states.values())}; arrived {len(received):,}, "
        f"twice {twice}, sent and not arrived {lost}, in doubt {len(doubt)}, of these arrived "
        f"{sum(1 for message in doubt if message in received)}"
    )
    if twice or lost or len(states) != customers or set(states.values()) - {"sent", "unknown"}:
        raise Failed("somebody was written to twice, or was left out")


async def _rows(url: str, sql: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(driver_url(url))
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()


async def _main(customers: int) -> None:
    with servers() as ours:
        await make_topics(ours.kafka)
        await through_a_kill(ours, customers)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.mailing", description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    asyncio.run(_main(parser.parse_args().customers))

"""A stack under load is backed up continuously, destroyed, and set back to an instant at which all agrees."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from regulars import operating
from regulars.backups.archive import Archive
from regulars.backups.commands import restore
from regulars.backups.redoing import redo
from regulars.backups.to_an_instant import NOTED
from regulars.client import NoAnswer, Services, set_up_shop
from regulars.privacy.requests import erase
from regulars.stack.errors import Refused, StackError
from regulars.stack.plan import Plan
from regulars.stack.services import SERVICES
from regulars.stack.state import StackState

from .loading import CUSTOMERS, SHOP, expected, orders_of, photo, png, profile, services_of, settled

LOADS, ERASED, REFUSES, LATE = 3, "c24", "c23", "late"


@dataclass(slots=True)
class Sent:
    """Orders by number, each with two events; when each was begun, and when answered."""

    events: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    began: dict[int, datetime] = field(default_factory=dict)
    answered: dict[int, datetime] = field(default_factory=dict)

    def before(self, at: datetime) -> set[int]:
        return {number for number, answered in self.answered.items() if answered < at}

    def after(self, at: datetime) -> set[int]:
        return {number for number, began in self.began.items() if began > at}


def events_of(number: int, at: datetime) -> list[dict[str, Any]]:
    """A paid order, of which the customer is told by mail, and its completion; 10.00."""
    data = {"order_id": f"o{number}", "currency": "EUR", "goods_paid": 1_000}
    base = {"subject": CUSTOMERS[number % len(CUSTOMERS)], "time": at.isoformat()}
    return [
        {**base, "id": f"{state}-{number}", "type": f"order.{state}", "data": {**data, "state": state}}
        for state in ("paid", "completed")
    ]


async def load(services: Services, sent: Sent, stop: asyncio.Event) -> None:
    while not stop.is_set():
        number, now = len(sent.began), datetime.now(UTC)
        sent.began[number], sent.events[number] = now, events_of(number, now)
        with contextlib.suppress(NoAnswer):
            await services.call("orders-ingest", "POST", f"{SHOP}/events", json=sent.events[number])
            sent.answered[number] = datetime.now(UTC)


async def registered(services: Services, customer: str) -> str:
    """The slug with which the customer is refused, '' where they are taken."""
    try:
        await services.call("orders-ingest", "PUT", f"{SHOP}/customers/{customer}", json={"name": "Late"})
    except Refused as refused:
        return refused.slug
    return ""


def mails(folder: Path) -> list[str]:
    """The name of each mail that was handed over, in order."""
    file = folder / "mails.jsonl"
    return [json.loads(line)["message_id"] for line in file.read_text().splitlines()] if file.exists() else []


async def until(check: Callable[[], bool], what: str, within_s: float = 480) -> None:
    deadline = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.2)


def complete_since(archive: Archive, at: datetime) -> bool:
    found = archive.until()
    return found is not None and found > at


def archiving(target: Path, folder: Path, log: Path) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "regulars.cli", "backup", str(target), "--continuous", "--folder", str(folder)]
    with log.open("ab") as output:
        return subprocess.Popen(argv, stdout=output, stderr=output, env=os.environ)


def cpu_of(pid: int) -> float:
    """User and system seconds of the process and those that it has started and not waited for."""
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return float(sum(each.user + each.system + each.children_user + each.children_system for each in times))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_set_back_under_load_to_an_instant_at_which_everything_agrees(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    folder, target, log = root / "run", root / "archive", root / "archiving.log"
    state = operating.up(Plan(folder), lambda _: None)
    archive, sent = Archive(target), Sent()
    process = archiving(target, folder, log)
    try:
        at, handed_off, picture = asyncio.run(_live(state, archive, sent, folder))
        print(f"the backup took {cpu_of(process.pid):.1f} s of CPU, base backup included")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, log.read_text()
    finally:
        process.kill()
        print(log.read_text())

    # Everything is lost but the archive, the secrets that are kept apart from it, and what the world was sent.
    secrets, out_there = (folder / "secrets.json").read_text(), mails(folder)
    operating.down(folder, purge=True)
    assert json.loads(secrets)["master_key"] not in "".join(file.read_text() for file in target.glob("*.json"))
    folder.mkdir(exist_ok=True)
    (folder / "secrets.json").write_text(secrets)
    with pytest.raises(StackError, match="too long ago"):
        restore(target, folder=folder, at="2020-01-01T00:00:00Z")
    with pytest.raises(StackError, match="was not reached"):
        restore(target, folder=folder, at="2100-01-01T00:00:00Z")
    began = time.monotonic()
    restore(target, folder=folder, at=at.isoformat())
    print(f"restored in {time.monotonic() - began:.0f} s")
    with pytest.raises(StackError, match="holds the data of a stack"):
        restore(target, folder=folder, at=at.isoformat())

    state = operating.up(Plan(folder), lambda _: None)
    asyncio.run(_as_of(at, state, sent, picture))
    assert operating.run_in_services(folder, "verify", SERVICES) == 0
    assert mails(folder) == [], "nothing leaves before opt-outs and erasures were done again"
    redo(folder / NOTED, folder=folder)
    redo(folder / NOTED, folder=folder)
    asyncio.run(_done_again(state, sent))
    _nothing_twice(out_there, handed_off, mails(folder))
    asyncio.run(_goes_on(state, sent, folder))
    assert operating.run_in_services(folder, "verify", SERVICES) == 0
    refused = archiving(target, folder, log)
    assert refused.wait(120) == 1
    assert "before it was restored" in log.read_text()


async def _live(state: StackState, archive: Archive, sent: Sent, folder: Path) -> tuple[datetime, int, bytes]:
    """The load, and an instant amid it; how many mails were handed off a second before; a photo of before it."""
    stop = asyncio.Event()
    async with services_of(state) as services:
        await set_up_shop(services, "tea", 120, zone="Europe/Berlin", currency="EUR")
        people = [profile(number) for number in range(len(CUSTOMERS))]
        await services.call("orders-ingest", "POST", f"{SHOP}/customers", json={"customers": people})
        await settled(services)
        loads = [asyncio.create_task(load(services, sent, stop)) for _ in range(LOADS)]
        await until(lambda: bool(archive.bases()), "no base backup was made")
        based = len(sent.began)
        picture = png()
        assert (await photo(state, "PUT", picture)).status_code == 201
        await asyncio.sleep(5)
        handed_off = len(mails(folder))
        await asyncio.sleep(1)
        at = datetime.now(UTC)
        await asyncio.sleep(1)
        await services.call("messaging", "POST", f"{SHOP}/opt-outs", json={"customer": REFUSES, "channel": "email"})
        await erase(services, "tea", ERASED, 120)
        # Registered and erased after the instant.
        assert await registered(services, LATE) == ""
        await erase(services, "tea", LATE, 120)
        await asyncio.sleep(3)
        stop.set()
        await asyncio.gather(*loads)
        await settled(services)
        end = datetime.now(UTC)
        await until(lambda: complete_since(archive, end), "the archive is not complete")
        copied = archive.folder / "photos"
        await until(lambda: any(copied.glob("*/*")), "the photo was not copied")
    before, after = sent.before(at), sent.after(at)
    assert len(before) > based > 0, "nothing was sent meanwhile: this was no load"
    assert len(after) > 10, "nothing was sent afterwards"
    assert handed_off > 0, "no mail was handed off"
    print(f"\n{based} orders before the base backup, {len(before)} by the instant, {len(sent.began)} in all", end="")
    print(f"; {handed_off} mails by then, {len(mails(folder))} in all")
    return at, handed_off, picture


async def _as_of(at: datetime, state: StackState, sent: Sent, picture: bytes) -> None:
    async with services_of(state) as services:
        await settled(services)
        known, counted = await orders_of(state, services)
        assert sent.before(at) <= known, "what was answered before the instant is there"
        assert not sent.after(at) & known, "what was begun after it is not"
        assert counted == expected(known)
        for service in SERVICES:
            assert await services.get(service.name, "/ops/dead") == [], service.name
        assert (await photo(state, "GET")).content == picture
        paused = [(each["channel"], each["reason"]) for each in await services.get("messaging", "/ops/pauses")]
        assert paused == [(channel, "restored") for channel in ("chat", "email", "sms")]
        print(f"{len(known)} orders after the restore, all of them in every service")


def _nothing_twice(out_there: list[str], handed_off: int, since: list[str]) -> None:
    """No mail that had left left again, before the instant or after it."""
    assert not set(out_there[:handed_off]) & set(since)
    assert not [name for name, times in Counter([*out_there, *since]).items() if times > 1]
    print(f"{len(since)} mails since the restore, none that had left before")


async def _done_again(state: StackState, sent: Sent) -> None:
    """Who was erased and who opted out are so again; the shop sends everything again, and each order counts once."""
    async with services_of(state) as services:
        assert await services.get("messaging", "/ops/pauses") == [], "messages leave again"
        for customer in (ERASED, LATE):
            report = await services.get("orders-ingest", f"{SHOP}/customers/{customer}/erasure")
            assert report["completed_at"] is not None
        assert await registered(services, LATE) == "customer_erased", "the shop sends all again"
        permissions = await services.get("messaging", f"{SHOP}/customers/{REFUSES}/permissions")
        assert {each["state"] for each in permissions if each["channel"] == "email"} == {"opted_out"}, permissions
        numbers = sorted(sent.events)
        for start in range(0, len(numbers), 250):
            events = [event for number in numbers[start : start + 250] for event in sent.events[number]]
            await services.call("orders-ingest", "POST", f"{SHOP}/events", json=events)
        await settled(services)
        known, counted = await orders_of(state, services)
        assert known == set(sent.events)
        assert counted == expected(known)


async def _goes_on(state: StackState, sent: Sent, folder: Path) -> None:
    """A new order is told of by mail."""
    before, number = len(mails(folder)), (len(sent.events) // len(CUSTOMERS) + 1) * len(CUSTOMERS)
    async with services_of(state) as services:
        await services.call("orders-ingest", "POST", f"{SHOP}/events", json=events_of(number, datetime.now(UTC)))
        await until(lambda: len(mails(folder)) > before, "no mail leaves any more")

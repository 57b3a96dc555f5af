"""`make demo`: runs a real shop's history through the whole stack and shows what came of it."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from common.values.paths import part
from regulars import cdnow, compare, operating, people, report
from regulars.client import Services, count_mails, set_up_shop
from regulars.replay import Replay
from regulars.stack.errors import FolderHeld, StackError
from regulars.stack.folder import lock
from regulars.stack.plan import Plan
from regulars.stack.services import SERVICES
from regulars.stack.state import StackState
from regulars.stack.usage import Usage, of_this_process, usage_of

SHOP = "cdnow"
START = datetime(1996, 12, 30, tzinfo=cdnow.ZONE).astimezone(UTC)
"""Two days before the first purchase: a Monday, on which the programme is set up."""
TIERS = {"Senior": (100_00, 3), "VIP": (300_00, 8), "Supreme": (1000_00, 20)}
"""Spend in cents or orders, either suffices (the demo shop's own)."""
IMPORTING = 1000
STEP = timedelta(days=14)
"""Two weeks, not the usual one: what comes of a history does not depend on it, and each step has its waits."""


Folder = Annotated[Path, Parameter(env_var="REGULARS_RUN", help="Where the demo's stack keeps its data and logs.")]
Everything = Annotated[bool, Parameter(name="--all", env_var="ALL")]
_RUN = Path(".run")
_console = Console(highlight=False, soft_wrap=True)


def main(*, folder: Folder = _RUN, everything: Everything = False, keep: bool = False) -> None:
    """Run eighteen months of a real shop (CDNOW) through the whole stack and show what came of it.

    Parameters
    ----------
    everything
        The whole history, 69,659 purchases, and not its published one-in-ten sample.
    keep
        Leave the stack running, with a console in which to look at what came of it; `regulars down` ends it.
    """
    sys.exit(run(folder.resolve() / "demo", everything, _console, keep=keep))


def twice(*, folder: Folder = _RUN, everything: Everything = False) -> None:
    """Run the demo twice, each time from empty, and count the rows per table that differ; exits non-zero at one."""
    sys.exit(run_twice(folder.resolve() / "demo", everything, _console))


def run(folder: Path, everything: bool, console: Console, tables: Path | None = None, *, keep: bool = False) -> int:
    """From empty to the report; returns the exit code. The stack is its own, on a set clock, and ends with it.

    With `tables` every table of every service is written there, row by row, before the stack ends. With `keep` it
    does not end once the report is shown, and has a console.
    """
    try:
        held = lock(folder.parent, "demo.lock")
    except FolderHeld:
        raise StackError(f"a demo runs from {folder} already; end it with: regulars down") from None
    with held:
        return _run(folder, everything, console, tables, keep=keep)


def _run(folder: Path, everything: bool, console: Console, tables: Path | None, *, keep: bool) -> int:
    signal.signal(signal.SIGTERM, _leave)
    history = cdnow.read(cdnow.find(everything))
    began = time.monotonic()
    operating.down(folder, purge=True)
    state = operating.up(
        # One that is kept outlives this command.
        Plan(folder, SERVICES, True, "WARNING", None, None, tied=not keep, console=keep),
        lambda phase: console.print(f"  {phase}", style="dim"),
    )
    ready = time.monotonic()
    kept = False
    try:
        result = asyncio.run(_replay(state, history, console))
        result["seconds"] = {"start": ready - began, "replay": time.monotonic() - ready}
        result["usage"] = _usage(state)
        code = report.show(result, history, folder, console)
        if tables is not None:
            shutil.rmtree(tables, ignore_errors=True)
            asyncio.run(compare.dump(state, tables))
        kept = keep
    finally:
        if not kept:
            operating.down(folder)
    console.print(f"\nThe whole took {time.monotonic() - began:.0f} s.")
    if kept:
        _show_where(state, console)
    return code


def _show_where(state: StackState, console: Console) -> None:
    console.print(
        f"\nThe stack goes on to run; its console: {state.console['PUBLIC_URL']}\n"
        f"Become its first owner by this link, which counts once, and name the shop {SHOP}:\n"
        f"{operating.first_invitation(state)}\nEnd it with: regulars down",
        markup=False,
    )


def _leave(number: int, _frame: object) -> None:
    """A demo that is to end takes its stack with it, by the way out of `run`."""
    sys.exit(128 + number)


def _usage(state: StackState) -> dict[str, Usage]:
    """Of each process of the stack and of this command, by name."""
    pids = {name: process.pid for name, process in state.processes.items()}
    return {name: usage_of(pid, pids.values()) for name, pid in pids.items()} | {"this command": of_this_process()}


def run_twice(folder: Path, everything: bool, console: Console) -> int:
    """Two runs from empty, table by table; returns 1 when any row differs."""
    for number in ("first", "second"):
        code = run(folder, everything, console, folder.parent / f"demo-{number}")
        if code:
            return code
    differing = compare.differences(folder.parent / "demo-first", folder.parent / "demo-second")
    console.rule("[bold]Differing rows per table, first run against second")
    for table, rows in differing.items():
        console.print(f"  {table}: {rows}")
    console.print(f"  in all: {sum(differing.values())}")
    return 1 if any(differing.values()) else 0


async def _replay(state: StackState, history: cdnow.History, console: Console) -> dict[str, Any]:
    addresses = {name: settings["PUBLIC_URL"] for name, settings in state.services.items()}
    async with Services(addresses, state.api_key) as services:
        await _set_up(services)
        job = await _upload(services, history)
        newcomers = sorted((day, customer) for customer, day in history.first.items())

        later: list[tuple[str, people.Kind]] = []

        async def register(since: datetime, until: datetime) -> bool:
            """Those who first buy within the step are registered at its start; some of the last step's act now."""
            acting = later.copy()
            later.clear()
            given = await _act(services, acting, since)
            batch = []
            while newcomers and _noon(newcomers[0][0]) <= until:
                customer = newcomers.pop(0)[1]
                kind = people.kind_of(customer)
                if kind in ("late", "withdrawing", "unsubscribing"):
                    later.append((customer, kind))
                if kind != "late":
                    batch.append(customer)
            await _register(services, batch, since)
            return given or bool(batch)

        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            console=console,
        ) as progress:
            bar = progress.add_task("1997-01", total=history.orders, rate="")
            began = time.monotonic()
            seen = {"orders": 0}

            def on_step(at: datetime) -> None:
                rate = f"{seen['orders'] / (time.monotonic() - began):,.0f} orders/s"
                progress.update(bar, completed=seen["orders"], description=f"{at:%Y-%m-%d}", rate=rate)

            replay = Replay(services, register)
            end = _noon(history.last_day) + timedelta(days=1)
            at, path = START, f"/v1/shops/{SHOP}/imports/{part(job)}"
            while at < end:
                until = min(at + STEP, end)
                await replay.step(at, until)
                seen["orders"] = (await services.get("orders-ingest", path))["accepted"]
                on_step(until)
                at = until
        result = await report.collect(services, SHOP)
        result["import"] = await services.get("orders-ingest", path)
        result["counters"] = await services.everywhere("GET", "/ops/settled")
        result["replay"] = {
            "rounds": replay.rounds,
            "passes": replay.passes,
            "swept": replay.swept,
            "seconds": replay.seconds,
        }
    result["sink"] = await count_mails(state.mails_url)
    return result


async def _set_up(services: Services) -> None:
    await services.everywhere("PUT", "/ops/clock", json={"now": START.isoformat()})
    await set_up_shop(services, SHOP, zone=str(cdnow.ZONE), currency="USD")
    stored = await services.get("membership", f"/v1/shops/{SHOP}/programme")
    programme = stored["programme"]
    for tier in programme["tiers"]:
        if tier["name"] in TIERS:
            tier["spend"], tier["orders"] = TIERS[tier["name"]]
    await services.call("messaging", "PUT", f"/v1/shops/{SHOP}/policy", json={"policy": people.POLICY})
    valid_from = (START + timedelta(minutes=10)).isoformat()
    await services.call(
        "membership", "PUT", f"/v1/shops/{SHOP}/programme", json={"programme": programme, "valid_from": valid_from}
    )


async def _upload(services: Services, history: cdnow.History) -> str:
    answer = await services.call(
        "orders-ingest",
        "POST",
        f"/v1/shops/{SHOP}/imports",
        params={"layout": history.layout, "currency": "USD", "zone": str(cdnow.ZONE)},
        content=history.path.read_bytes(),
        headers={"Content-Type": "text/plain"},
    )
    return str(answer["id"])


def _noon(day: Any) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=cdnow.ZONE)


async def _register(services: Services, customers: Sequence[str], since: datetime) -> None:
    for start in range(0, len(customers), IMPORTING):
        given = [people.person(c, since, str(cdnow.ZONE)) for c in customers[start : start + IMPORTING]]
        await services.call("orders-ingest", "POST", f"/v1/shops/{SHOP}/customers", json={"customers": given})


async def _act(services: Services, acting: Sequence[tuple[str, people.Kind]], now: datetime) -> bool:
    """A step after they were due to register: some withdraw consent, some unsubscribe, some are registered at last."""
    await _register(services, [customer for customer, kind in acting if kind == "late"], now)
    given = [
        {"id": customer, "consents": people.consents(granted=False)}
        for customer, kind in acting
        if kind == "withdrawing"
    ]
    for start in range(0, len(given), IMPORTING):
        json = {"customers": given[start : start + IMPORTING]}
        await services.call("orders-ingest", "POST", f"/v1/shops/{SHOP}/customers", json=json)
    for customer, kind in acting:
        if kind == "unsubscribing":
            opt_out = {"customer": customer, "channel": "email", "via": "demo"}
            await services.call("messaging", "POST", f"/v1/shops/{SHOP}/opt-outs", json=opt_out)
    return bool(acting)

"""The processes of another commit run beside this one's under load, and leave: nothing is lost, nothing counts twice.

Opt-in, since it needs the commit, some three minutes: `UPGRADE_FROM=<commit> pytest tests/upgrade`. Nothing has been
released yet, so that migrations are edited in place: the other commit's processes are given this one's files of
migrations, and work where those only add what the other commit need not know. A commit whose columns have been renamed
or taken away since fails here, and cannot run beside this one.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from regulars import operating
from regulars.client import Services, ask_settled, set_up_shop
from regulars.stack.plan import Plan
from regulars.stack.ports import free_port
from regulars.stack.services import SERVICES, environment
from regulars.stack.state import StackState, state_file

ROOT = Path(__file__).parents[2]
FROM = os.environ.get("UPGRADE_FROM")
WITHIN_S = 120
"""No expectation of speed: so long each step is waited for."""
READERS = ("membership", "segmentation", "messaging", "feedback")
"""Services that read every order."""
SHOP, CUSTOMERS = "/v1/shops/tea", [f"c{number}" for number in range(20)]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(not FROM, reason="set UPGRADE_FROM to the commit whose processes are to run beside this one's"),
]


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="regulars-upgrade-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        operating.down(folder / "run", purge=True)


@pytest.fixture
def other(folder: Path) -> Iterator[Path]:
    """The other commit's source, with this one's migrations."""
    tree = folder / "other"
    subprocess.run(["git", "-C", ROOT, "worktree", "add", "--detach", tree, str(FROM)], check=True, capture_output=True)
    for migrations in ("libs/common/src/common/storage", *(f"services/{each.name}" for each in SERVICES)):
        shutil.rmtree(tree / migrations / "migrations")
        shutil.copytree(ROOT / migrations / "migrations", tree / migrations / "migrations")
    yield tree
    subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", tree], check=True, capture_output=True)


class Old:
    """A process of each service of the other commit."""

    def __init__(self, tree: Path, state: StackState, ending: ExitStack) -> None:
        self.addresses: dict[str, str] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        sources = [tree / "libs/common/src", *(tree / f"services/{each.name}/src" for each in SERVICES)]
        for service in SERVICES:
            port = free_port()
            settings = {**state.services[service.name], "HTTP_PORT": str(port)}
            env = environment(settings) | {"PYTHONPATH": os.pathsep.join(map(str, sources))}
            argv = [sys.executable, "-m", f"{service.package}.main", "serve"]
            log = ending.enter_context((tree.parent / f"{service.name}-other.log").open("wb"))
            process = subprocess.Popen(argv, env=env, cwd=tree, stdout=log, stderr=log)
            ending.callback(process.kill)
            self._processes[service.name] = process
            self.addresses[service.name] = f"http://127.0.0.1:{port}"

    def await_ready(self) -> None:
        deadline = time.monotonic() + WITHIN_S
        while waiting := _not_ready(self.addresses):
            for name in waiting:
                process = self._processes[name]
                assert process.poll() is None, f"{name} of the other commit ended with {process.returncode}"
            assert time.monotonic() < deadline, waiting
            time.sleep(0.2)

    def source_of(self, name: str) -> str:
        """Where the process has its code from."""
        return Path(f"/proc/{self._processes[name].pid}/cwd").resolve().as_posix()

    def leave(self) -> None:
        """One after the other, as a rolling upgrade ends them."""
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
            assert process.wait(40) == 0


def _checks(address: str) -> dict[str, str]:
    """What readiness says of each part; nothing while it is not ready."""
    try:
        answer = httpx.get(f"{address}/health/ready", timeout=60, trust_env=False)
    except httpx.TransportError:
        return {}
    return dict(answer.json()["checks"]) if answer.status_code == 200 else {}


def _not_ready(addresses: Mapping[str, str]) -> list[str]:
    """The services that take no requests there, or read nothing yet."""
    return [name for name, each in addresses.items() if _checks(each).get("consumer", "joining").startswith("joining")]


def _publishing(addresses: Mapping[str, str]) -> list[str]:
    """The services of which the process there holds the relay."""
    return [name for name, address in addresses.items() if _checks(address).get("relay", "").startswith("holder")]


def _restart_new(folder: Path, new: Mapping[str, str], old: Mapping[str, str]) -> None:
    """End this commit's processes, which their supervisor starts again, until those of the other one publish."""
    deadline = time.monotonic() + WITHIN_S
    while taken := set(new) - set(_publishing(old)):
        assert time.monotonic() < deadline, f"still published by this commit: {taken}"
        state = StackState.load(state_file(folder))
        assert state is not None
        for name in taken & set(_publishing(new)):
            os.kill(state.processes[name].pid, signal.SIGTERM)
        time.sleep(2)
    while waiting := _not_ready(new):
        assert time.monotonic() < deadline, waiting
        time.sleep(0.2)


async def test_nothing_is_lost_while_the_processes_of_two_commits_work_side_by_side(folder: Path, other: Path) -> None:
    state = await asyncio.to_thread(operating.up, Plan(folder / "run", SERVICES), lambda _: None)
    addresses = {name: its["PUBLIC_URL"] for name, its in state.services.items()}
    sent: list[int] = []
    with ExitStack() as ending:
        old = await asyncio.to_thread(Old, other, state, ending)
        await asyncio.to_thread(old.await_ready)
        assert old.source_of("membership") == other.resolve().as_posix()
        async with Services(addresses, state.api_key) as new, Services(old.addresses, state.api_key) as beside:
            await set_up_shop(new, "tea", within_s=WITHIN_S, zone="Europe/Berlin", currency="EUR")
            # This commit's processes, which came first, publish what those of both write.
            assert await asyncio.to_thread(_publishing, addresses) == list(addresses)
            async with _load(sent, new, beside):
                await _until(lambda: len(sent) > 200)
            # The other one's take over while this one's are away, and publish what those of both write.
            async with _load(sent, beside):
                await asyncio.to_thread(_restart_new, folder / "run", addresses, old.addresses)
            alone = len(sent)
            async with _load(sent, new, beside):
                await _until(lambda: len(sent) > alone + 200)
            assert await asyncio.to_thread(_publishing, old.addresses) == list(addresses)
            for each in (new, beside):
                counters = await each.everywhere("GET", "/ops/settled")
                assert all(counters[name]["read"] for name in READERS), counters
            # They leave under load, which goes to the new ones alone.
            left = len(sent)
            async with _load(sent, new):
                await asyncio.to_thread(old.leave)
                await _until(lambda: len(sent) > left + 100)
            await _settle(new)
            for name in addresses:
                assert await new.get(name, "/ops/dead") == []
            counted = {c: (await new.get("membership", f"{SHOP}/members/{c}"))["orders"] for c in CUSTOMERS}
    assert counted == Counter(CUSTOMERS[number % len(CUSTOMERS)] for number in sent)
    print(f"\n{len(sent)} orders by processes of two commits, each publishing the other's facts: each counted once")
    assert await asyncio.to_thread(operating.run_in_services, folder / "run", "verify", SERVICES) == 0


@asynccontextmanager
async def _load(sent: list[int], *doors: Services) -> AsyncIterator[None]:
    """Orders one after the other at each door in turn; ends after the one at hand."""
    stop = asyncio.Event()

    async def send() -> None:
        while not stop.is_set():
            number = len(sent)
            sent.append(number)
            await _send(doors[number % len(doors)], number)

    sending = asyncio.create_task(send())
    try:
        yield
    finally:
        stop.set()
        await sending


async def _settle(services: Services) -> None:
    """Wait until all is published and read."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        counters = await ask_settled(services, wait_s=1)
        if counters is not None and not any(each["lag"] or each["outbox"] for each in counters.values()):
            return
        assert time.monotonic() < deadline, counters


async def _send(services: Services, number: int) -> None:
    customer = CUSTOMERS[number % len(CUSTOMERS)]
    if number < len(CUSTOMERS):
        profile = {"id": customer, "name": f"Name {number}", "email": f"{customer}@example.test"}
        await services.call("orders-ingest", "POST", f"{SHOP}/customers", json={"customers": [profile]})
    data = {"order_id": f"o{number}", "state": "completed", "currency": "EUR", "goods_paid": 1_000, "remark": "ring"}
    event = {"id": f"o{number}", "type": "order.completed", "subject": customer, "data": data}
    event["time"] = f"2026-01-02T12:{number // 60 % 60:02}:{number % 60:02}Z"
    await services.call("orders-ingest", "POST", f"{SHOP}/events", json=event)


async def _until(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not check():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)

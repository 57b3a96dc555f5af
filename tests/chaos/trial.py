"""One chaos run: start, load and faults side by side, settle, gather, check."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from chaos import checker, faults, silence
from chaos.evidence import CLAIMED, gather
from chaos.holdings import Holdings
from chaos.injector import Injector
from chaos.leaders import LeaderKiller
from chaos.network import KINDS, LINKS, NetworkHarm, Wires
from chaos.sender import ACKED, FAILED, UNKNOWN, Answers, Shop
from chaos.steps import STEPS, StepKiller
from chaos.workload import CURRENCY, Workload, make
from common.storage.migrate import driver_url
from regulars import operating
from regulars.stack.kafka import KafkaCluster
from regulars.stack.plan import Plan
from regulars.stack.services import SERVICES
from regulars.stack.state import StackState, address_of

USUAL_PORTS = (9092, 5433, 1025, 8025, *(service.port for service in SERVICES))
"""Those that `regulars up` prefers."""
OPEN = ("lag", "outbox", "leases", "arriving")
Harm = LeaderKiller | StepKiller | NetworkHarm | Injector


@dataclass(frozen=True, slots=True)
class Size:
    """How much of what, times in seconds; `processes` of each service.

    `leader_kills` (three brokers), `step_kills` and `network` (each way of harm to each link) take other faults' place.
    """

    customers: int
    duration_s: float
    kills: int
    pauses: int
    cuts: int
    redemptions: int = 40
    settle_s: float = 120
    leader_kills: int = 0
    step_kills: int = 0
    network: int = 0
    rolls: int = 0
    processes: int = faults.PROCESSES
    services: tuple[str, ...] = faults.SERVICE_NAMES


SHORT = Size(customers=320, duration_s=150, kills=22, pauses=12, cuts=5, rolls=1)
BRIEF = Size(customers=130, duration_s=60, kills=8, pauses=8, cuts=9, redemptions=30, services=faults.SERVICE_NAMES[:3])
"""For mutants: a broken guarantee shows sooner than a sound one is believed, and in three services as in five."""


@dataclass(slots=True)
class Trial:
    """One run in a folder of its own; `brokers` is 1 or 3."""

    folder: Path
    size: Size
    seed: int
    brokers: int
    say: Callable[[str], None]
    phases: dict[str, float] = field(default_factory=dict)

    def run(self) -> dict[str, Any]:
        """The verdict, as it is written down. Raises StackError when the stack does not come up."""
        os.environ["SESSION_TIMEOUT_MS"] = str(faults.SESSION_TIMEOUT_MS)
        operating.down(self.folder, purge=True)
        began = time.monotonic()
        load_before = os.getloadavg()[0]
        logs = self.folder.with_name(self.folder.name + "-kafka")
        shutil.rmtree(logs, ignore_errors=True)
        cluster = KafkaCluster(logs, nodes=3) if self.brokers == 3 else None
        wires = Wires(logs, self.seed) if self.size.network else None
        beneath = cluster or wires
        try:
            if beneath is not None:
                beneath.start()
            plan = Plan(self.folder, operating.chosen(self.size.services), processes=self.size.processes)
            if cluster is not None:
                plan = replace(plan, kafka=cluster.bootstrap_servers)
            elif wires is not None:
                os.environ.update(wires.environment)
                plan = replace(plan, kafka=wires.kafka, database_url=wires.database_url)
            with _held(USUAL_PORTS):
                state = operating.up(plan, self.say)
            self.phases["start"] = time.monotonic() - began
            verdict = asyncio.run(self._run(state, cluster, wires))
        finally:
            operating.down(self.folder)
            if beneath is not None:
                beneath.stop()
        verdict["seconds"] = {name: round(s, 1) for name, s in self.phases.items()}
        verdict["seconds"]["all"] = round(time.monotonic() - began, 1)
        verdict["machine"] = {
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
            "load_average": [round(load_before, 1), round(os.getloadavg()[0], 1)],
        }
        return verdict

    async def _run(self, state: StackState, cluster: KafkaCluster | None, wires: Wires | None) -> dict[str, Any]:
        addresses = {name: settings["PUBLIC_URL"] for name, settings in state.services.items()}
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {state.api_key}"}, timeout=15) as client:
            shop = f"chaos-{self.seed}"
            await _set_up(client, addresses, shop)
            workload = make(
                shop, datetime.now(UTC), seed=self.seed, customers=self.size.customers, duration_s=self.size.duration_s
            )
            every = {name: address_of(settings) for name, settings in state.all_processes().items()}
            holdings = Holdings(every)
            harm = self._harm(cluster, wires, holdings)
            sender = Shop(
                [every[name] for name in state.of_service("orders-ingest")],
                [every[name] for name in state.of_service("membership")],
                state.api_key,
                workload,
                self.seed,
                lambda: harm.progress,
            )
            self.say(
                f"sending {len(workload.sendings)} events of {len(workload.customers)} customers, seed {self.seed}"
            )
            began = time.monotonic()
            looking = asyncio.create_task(holdings.run())
            async with asyncio.TaskGroup() as group:
                group.create_task(sender.run(self.size.duration_s, self.size.redemptions))
                await self._do(harm)
            done = harm.done
            self.phases["load"] = time.monotonic() - began
            self.say("all is sent; waiting until everything is settled")
            began = time.monotonic()
            still = await settle(client, every, self.size.settle_s)
            looking.cancel()
            self.phases["settling"] = time.monotonic() - began
        began = time.monotonic()
        databases = {name: settings["DATABASE_URL"] for name, settings in state.services.items()}
        kafka = wires.log_servers if wires is not None else state.kafka
        found = await gather(databases, kafka, self.folder / "mails.jsonl", shop)
        findings = checker.check(sender.answers, workload.events, found)
        self.phases["checking"] = time.monotonic() - began
        totals = checker.totals(findings)
        consuming, publishing = await silence.measure(databases, done.instants) if cluster is not None else ({}, {})
        return {
            "verdict": checker.sentence(totals),
            "passed": not findings and not still and self._enough(done) and silence.kept(consuming, done.kills.total()),
            "totals": totals,
            "settled": not still,
            "still_open": still,
            "seed": self.seed,
            "brokers": self.brokers,
            "kills": dict(sorted(done.kills.items())),
            "pauses": dict(sorted(done.pauses.items())),
            "cuts": dict(sorted(done.cuts.items())),
            "rolls": dict(sorted(done.rolls.items())),
            "held": holdings.summary(),
            "steps": dict(done.steps),
            "network": dict(sorted(done.network.items())),
            "faults_missed": done.missed,
            "events": _counted(sender.answers, workload),
            "mails": {"handed_off": len(found.mails), "transactional_repeated": checker.repeated_mails(found)},
            "facts_in_log": len(found.log),
            "ledger_legs": len(found.legs),
            "longest_gap_s": await gaps(databases),
            "silence_after_leader_kill_s": {"consuming": consuming, "publishing": publishing},
            "findings": [f"{f.kind}: {f.detail}" for f in findings[:40]],
        }

    def _harm(self, cluster: KafkaCluster | None, wires: Wires | None, holdings: Holdings) -> Harm:
        if cluster is not None:
            return LeaderKiller(cluster, self.say)
        if wires is not None:
            return NetworkHarm(wires, self.seed, self.say)
        if self.size.step_kills:
            return StepKiller(self.folder, self.seed, self.say)
        return Injector(self.folder, self.say, holdings)

    async def _do(self, harm: Harm) -> None:
        size = self.size
        if isinstance(harm, LeaderKiller):
            await harm.run(size.leader_kills, size.duration_s)
        elif isinstance(harm, StepKiller):
            await harm.run(size.step_kills, size.duration_s)
        elif isinstance(harm, NetworkHarm):
            await harm.run(size.network)
        else:
            plan = faults.plan(
                self.seed,
                size.duration_s,
                size.kills,
                size.pauses,
                size.cuts,
                size.services,
                rolls=size.rolls,
                processes=size.processes,
            )
            await harm.run(plan)

    def _enough(self, done: faults.Done) -> bool:
        """A run that did not harm everything as planned, each process killed and paused, proves nothing."""
        if self.brokers == 3:
            return done.kills.total() >= self.size.leader_kills
        if self.size.step_kills:
            return all(done.steps[step.name] >= self.size.step_kills for step in STEPS)
        if self.size.network:
            return all(done.network[f"{kind}, {link}"] >= self.size.network for kind in KINDS for link in LINKS)
        services = faults.processes_of(self.size.services, self.size.processes)
        everybody = {*services, *faults.BENEATH}
        return (
            done.kills.total() >= self.size.kills
            and done.pauses.total() >= self.size.pauses
            and done.cuts.total() >= self.size.cuts
            and set(done.kills) == set(done.pauses) == everybody
            and all(done.rolls[name] >= self.size.rolls for name in services)
        )


@contextmanager
def _held(ports: Iterable[int]) -> Iterator[None]:
    """Listen on these ports, where nobody does, so that the stack chooses others.

    A part that was killed gives its port back for seconds. Another stack that prefers the port would take it, and our
    services would speak to a stranger's Kafka: what came of that would say nothing about ours.
    """
    with ExitStack() as held:
        for port in ports:
            listener = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                listener.bind(("127.0.0.1", port))
                listener.listen()
        yield


async def _set_up(client: httpx.AsyncClient, addresses: dict[str, str], shop: str) -> None:
    """The shop's zone is one where it is ten in the morning on no Monday's blackout: messages may leave."""
    zone = _zone_at(datetime.now(UTC))
    path = f"/v1/shops/{shop}/settings"
    answer = await client.put(f"{addresses['orders-ingest']}{path}", json={"zone": zone, "currency": CURRENCY})
    answer.raise_for_status()


def _zone_at(now: datetime) -> str:
    """Etc/GMT-x is x hours *ahead* of UTC. 20:00 is inside the one window that no weekday closes."""
    ahead = (20 - now.hour + 12) % 24 - 12
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


async def settle(client: httpx.AsyncClient, addresses: dict[str, str], within_s: float) -> dict[str, int | str]:
    """Wait for two equal passes with nothing open; gives what is still open when time is up."""
    deadline = time.monotonic() + within_s
    before: object = None
    still: dict[str, int | str] = {}
    while time.monotonic() < deadline:
        seen: dict[str, dict[str, int]] = {}
        still = {}
        for name, address in addresses.items():
            try:
                answer = await client.get(f"{address}/ops/settled")
                answer.raise_for_status()
                seen[name] = answer.json()
                still |= {f"{name}.{what}": seen[name][what] for what in OPEN if seen[name].get(what)}
            except httpx.HTTPError as error:
                still[name] = repr(error)
        if not still and seen == before:
            return {}
        before = seen
        await asyncio.sleep(0.5)
    return still or {"counters": "keep moving"}


def _counted(answers: Answers, workload: Workload) -> dict[str, Any]:
    by = {ACKED: 0, FAILED: 0, UNKNOWN: 0}
    for answer in answers.events.values():
        by[answer] += 1
    return {
        "sent": len(workload.sendings),
        "distinct": len({t.name for t in workload.sendings}),
        **by,
        "requests": answers.requests,
        "requests_without_answer": answers.unanswered,
        "refused_by": dict(sorted(answers.reasons.items())),
        "redemptions": {kind: list(answers.redemptions.values()).count(kind) for kind in by},
    }


async def gaps(databases: dict[str, str]) -> dict[str, float]:
    """The longest time in which each service took nothing, in seconds; shown, not judged, for all may be taken."""
    found = {}
    for name, url in databases.items():
        connection = await asyncpg.connect(driver_url(url))
        try:
            # When each batch was taken.
            rows = await connection.fetch(
                f"select distinct extract(epoch from recorded_at) as at from ({CLAIMED}) as claimed order by at"
            )
        finally:
            await connection.close()
        found[name] = round(max((float(b["at"] - a["at"]) for a, b in pairwise(rows)), default=0.0), 1)
    return found

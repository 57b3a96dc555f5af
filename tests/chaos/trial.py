"""One chaos run: start, load and faults side by side, settle, gather, check."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from chaos import checker
from chaos.answers import ACKED, FAILED, UNKNOWN, Answers
from chaos.asks.campaigns import campaign
from chaos.asks.checkouts import check_out
from chaos.asks.merges import merge
from chaos.asks.redemptions import redeem
from chaos.asks.referrals import refer
from chaos.asks.tickets import complain
from chaos.door import Door
from chaos.evidence import Evidence
from chaos.gathering import CLAIMED, gather
from chaos.harm import Harm
from chaos.harm import plan as faults
from chaos.holdings import Holdings
from chaos.sender import Sender
from chaos.workload import CURRENCY, Workload, make
from common.storage.migrate import driver_url
from regulars import operating
from regulars.docs.circumstances import circumstances
from regulars.stack.plan import Plan
from regulars.stack.services import SERVICES
from regulars.stack.state import StackState, address_of

USUAL_PORTS = (9092, 5433, 1025, 8025, *(service.port for service in SERVICES))
"""Those that `regulars up` prefers."""
OPEN = ("lag", "outbox", "leases", "arriving")


@dataclass(frozen=True, slots=True)
class Size:
    """How much of what, times in seconds; `processes` of each service. The form says what is done meanwhile."""

    customers: int
    duration_s: float
    redemptions: int = 40
    checkouts: int = 60
    referrals: int = 24
    tickets: int = 40
    settle_s: float = 120
    processes: int = faults.PROCESSES
    services: tuple[str, ...] = faults.SERVICE_NAMES


@dataclass(slots=True)
class Trial:
    """One run of one form of harm, in the folder of its setting."""

    size: Size
    harm: Harm
    phases: dict[str, float] = field(default_factory=dict)

    def run(self) -> dict[str, Any]:
        """The verdict, as it is written down. Raises StackError when the stack does not come up."""
        os.environ["SESSION_TIMEOUT_MS"] = str(faults.SESSION_TIMEOUT_MS)
        setting = self.harm.setting
        operating.down(setting.folder, purge=True)
        began = time.monotonic()
        load_before = os.getloadavg()[0]
        try:
            plan = Plan(setting.folder, operating.chosen(self.size.services), processes=self.size.processes)
            plan = replace(plan, **self.harm.start())
            with _held(USUAL_PORTS):
                state = operating.up(plan, setting.say)
            self.phases["start"] = time.monotonic() - began
            verdict = asyncio.run(self._run(state))
        finally:
            operating.down(setting.folder)
            self.harm.stop()
        verdict["seconds"] = {name: round(s, 1) for name, s in self.phases.items()}
        verdict["seconds"]["all"] = round(time.monotonic() - began, 1)
        verdict |= circumstances(Path(__file__).parent, load_before)
        return verdict

    async def _run(self, state: StackState) -> dict[str, Any]:
        harm, size = self.harm, self.size
        seed, say = harm.setting.seed, harm.setting.say
        addresses = {name: settings["PUBLIC_URL"] for name, settings in state.services.items()}
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {state.api_key}"}, timeout=15) as client:
            shop = f"chaos-{seed}"
            await _set_up(client, addresses, shop)
            now = datetime.now(UTC)
            workload = make(shop, now, seed=seed, customers=size.customers, duration_s=size.duration_s)
            every = {name: address_of(settings) for name, settings in state.all_processes().items()}
            holdings = Holdings(every)
            processes = {name: [every[each] for each in state.of_service(name)] for name in size.services}
            rng = random.Random(seed + 1)
            door = Door(processes, state.api_key, shop, rng, size.duration_s, lambda: harm.progress)
            say(f"sending {len(workload.sendings)} events of {len(workload.customers)} customers, seed {seed}")
            began = time.monotonic()
            looking = asyncio.create_task(holdings.run())
            async with asyncio.TaskGroup() as group:
                group.create_task(_tell_and_ask(door, workload, size))
                await harm.run(holdings)
            self.phases["load"] = time.monotonic() - began
            say("all is sent; waiting until everything is settled")
            began = time.monotonic()
            still = await settle(client, every, size.settle_s)
            looking.cancel()
            self.phases["settling"] = time.monotonic() - began
        began = time.monotonic()
        databases = {name: settings["DATABASE_URL"] for name, settings in state.services.items()}
        found = await gather(databases, harm.log_servers(state), harm.setting.folder / "mails.jsonl", shop)
        harm.sift(found)
        findings = checker.check(door.answers, workload.events, found)
        self.phases["checking"] = time.monotonic() - began
        totals, done = checker.totals(findings), harm.done
        measured, kept = await harm.measured(databases)
        return {
            "verdict": checker.sentence(totals),
            "passed": not findings and not still and harm.enough() and kept,
            "totals": totals,
            "settled": not still,
            "still_open": still,
            "form": type(harm).__name__,
            "seed": seed,
            "enough": harm.enough(),
            "kills": dict(sorted(done.kills.items())),
            "pauses": dict(sorted(done.pauses.items())),
            "cuts": dict(sorted(done.cuts.items())),
            "rolls": dict(sorted(done.rolls.items())),
            "held": holdings.summary(),
            "steps": dict(done.steps),
            "network": dict(sorted(done.network.items())),
            "others": dict(sorted(done.others.items())),
            "faults_missed": done.missed,
            "events": _counted(door.answers, workload),
            "mails": {"handed_off": len(found.mails), "transactional_repeated": checker.repeated_mails(found)},
            "found": _found(found),
            "facts_in_log": len(found.log),
            "ledger_legs": len(found.legs),
            "longest_gap_s": await gaps(databases),
            "measured": measured,
            "findings": [f"{f.kind}: {f.detail}" for f in findings[:40]],
        }


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


async def _tell_and_ask(door: Door, workload: Workload, size: Size) -> None:
    """All of the shop's events, and beside them what it asks for; of each service that is part of the run."""
    sender = Sender(door, workload)
    async with door, asyncio.TaskGroup() as group:
        group.create_task(sender.run())
        group.create_task(merge(door, workload))
        group.create_task(redeem(door, workload, size.redemptions))
        group.create_task(check_out(door, workload, size.checkouts))
        group.create_task(refer(door, workload, size.referrals, sender.tell))
        if door.has("feedback"):
            group.create_task(complain(door, workload, size.tickets))
        if door.has("messaging"):
            group.create_task(campaign(door))


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
        **{
            what: {kind: sum(each == kind for each in found) for kind in by}
            for what, found in (
                ("redemptions", list(answers.redemptions.values())),
                ("checkouts", [each.answer for each in answers.checkouts.values()]),
                ("referrals", [each.answer for each in answers.referrals.values()]),
                ("tickets", [each.answer for each in answers.tickets.values()]),
                ("campaigns", [each.start for each in answers.campaigns.values()]),
            )
        },
    }


def _found(found: Evidence) -> dict[str, int]:
    """What there was to look at of that which was asked for besides events: nothing passes because it is not there."""
    return {
        "uses_of_a_coupon": len(found.coupon_uses),
        "uses_of_free_shipping": len(found.quota),
        "referrals_rewarded": sum(state == "rewarded" for state in found.referrals.values()),
        "referrals_reversed": sum(state == "reversed" for state in found.referrals.values()),
        "tickets_resolved": sum(state == "resolved" for state, _ in found.tickets.values()),
        "customers_merged": len(found.merged.get("orders-ingest", {})),
        "messages_of_a_campaign": sum(written.total() for written in found.written.values()),
        "held_out_of_a_campaign": sum(counts.held_out for counts in found.campaigns.values()),
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

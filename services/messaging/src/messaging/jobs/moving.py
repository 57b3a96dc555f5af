"""The sweep that moves runs through their flows: due rows, a customer's one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from common.crypto.keys import get_keys
from common.events import CustomerKey, Event
from common.events.messages import FlowMoved
from common.people.store import get_people, lock_survivors
from common.shops.settings import get_shops
from common.storage.database import Transaction
from common.time.clock import FixedClock
from common.work.set_aside import Task
from messaging.commands.moves import save_moves
from messaging.conditions.store import get_facts
from messaging.coupons.store import get_coupons
from messaging.coupons.store_declined import get_declined
from messaging.decisions.batch import recipient_zone
from messaging.decisions.rules import is_stale, may_be_offered
from messaging.flows.document import FlowDocument
from messaging.flows.running import store
from messaging.flows.running.facts import moved, requested, wanted
from messaging.flows.running.rules import next_move, offered_on
from messaging.flows.running.state import Move, Run, RunFacts
from messaging.flows.store_versions import get_books
from messaging.known import get_reachable
from messaging.metrics import FLOW_MOVES
from messaging.policy.state import PolicyVersion
from messaging.policy.store import get_policies
from messaging.standings.store import get_standings

ROUNDS = 100
"""Moves of one customer in a transaction: the others follow in the next."""


async def take_due_runs(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
    """The customers with the earliest runs, locked with those who stand for them after merges."""
    keys = await store.lock_due_customers(tx, now, limit)
    await lock_survivors(tx, keys)
    return [Task(*key) for key in keys] or None


async def move_due_runs(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
    """Move what is due of these customers; on a set clock every run is looked at as of when it was due."""
    keys = [(task.shop, task.customer) for task in tasks]
    await lock_survivors(tx, keys)
    replay, done = isinstance(tx.clock, FixedClock), 0
    for _ in range(ROUNDS):
        runs = await store.get_due(tx, keys, now)
        if not runs:
            break
        await _look(tx, runs, now, replay=replay)
        done += len(runs)
        keys = sorted({run.key for run in runs})
    return done


async def _look(tx: Transaction, runs: Sequence[Run], now: datetime, *, replay: bool) -> None:
    """Look at one run of each of these customers."""
    instants = {run.run_id: run.due_at if replay and run.due_at is not None else now for run in runs}
    shops = {run.shop for run in runs}
    books, policies = await get_books(tx, shops), await get_policies(tx, shops)
    documents = {run.run_id: books[run.shop].of(run.flow, run.version) for run in runs}
    old = [
        run
        for run in runs
        if run.number == 0
        and (document := documents[run.run_id]) is not None
        and is_stale(document.purpose, run.started_at, policies[run.shop].policy, instants[run.run_id])
    ]
    await store.forget_stale(tx, old)
    left = [run for run in runs if run not in old]
    people = await get_people(tx, {run.key for run in left})
    facts = await _facts(tx, left, documents, {run.key: instants[run.run_id] for run in left}, people)
    unreachable = await _unreachable(tx, left, documents, policies)
    zones, settings = await store.get_zones(tx, people), await get_shops(tx, shops)
    data_keys = await get_keys(tx, {run.key for run in left})
    moves: list[tuple[Run, Move, Event[FlowMoved]]] = []
    resting: list[Run] = []
    for run in left:
        at, document = instants[run.run_id], documents[run.run_id]
        zone = recipient_zone(zones.get(run.key), settings[run.shop].at(at).zone)
        key = data_keys.get(run.key)
        if key is not None and key.erased_at is not None:
            move: Move | None = Move(run.number + 1, at, "erased")
        elif document is None:
            move = Move(run.number + 1, at, "step_gone")
        else:
            known = replace(facts[run.run_id], reachable=run.run_id not in unreachable)
            move = next_move(document, run, known, at, zone)
        if move is None:
            resting.append(run)
        else:
            moves.append((run, move, moved(run, document, move, policies[run.shop].policy.channels)))
    await store.rest(tx, resting)
    await save_moves(tx, [event for *_, event in moves])
    asked = [requested(run, documents[run.run_id], move) for run, move, _ in moves]
    await tx.announce([event for *_, event in moves])
    await tx.announce([event for event in asked if event is not None])
    await tx.announce([task for run, move, _ in moves for task in wanted(run, documents[run.run_id], move)])
    for _, move, _ in moves:
        FLOW_MOVES.labels(move.reason).inc()


async def _unreachable(
    tx: Transaction,
    runs: Sequence[Run],
    documents: Mapping[str, FlowDocument | None],
    policies: Mapping[str, PolicyVersion],
) -> set[str]:
    """The runs of flows that give coupons whose customers no offer of the flow may be written to: run ids (MSG-026)."""
    asking = {
        run.run_id: (run.key, channels)
        for run in runs
        if (document := documents[run.run_id]) is not None
        and document.gives_coupons
        and (channels := offered_on(document, policies[run.shop].policy.channels)) is not None
    }
    if not asking:
        return set()
    known = await get_reachable(tx, sorted({key for key, _ in asking.values()}))
    return {
        run_id for run_id, (key, channels) in asking.items() if not any(may_be_offered(known[key], c) for c in channels)
    }


async def _facts(
    tx: Transaction,
    runs: Sequence[Run],
    documents: dict[str, FlowDocument | None],
    instants: dict[CustomerKey, datetime],
    people: Mapping[CustomerKey, Sequence[CustomerKey]],
) -> dict[str, RunFacts]:
    """What is known of the person of each run: under all identifiers, as far as it is not the survivor's alone."""
    known = await get_facts(tx, sorted({one for of in people.values() for one in of}))
    standings = await get_standings(tx, instants, people)
    coupons = await get_coupons(tx, people, min(instants.values())) if instants else {}
    asking = [r for r in runs if (d := documents[r.run_id]) is not None and d.asks_of_messages]
    states = await store.get_message_states(tx, asking) if asking else {}
    of_clicks = [r for r in runs if (d := documents[r.run_id]) is not None and d.asks_of_clicks]
    clicked = await store.get_clicked(tx, of_clicks) if of_clicks else {}
    waiting_for_one = {r.run_id for r in runs if (d := documents[r.run_id]) is not None and d.gives_coupons}
    asked_by = {r.key for r in runs if r.run_id in waiting_for_one}
    declined = await get_declined(tx, sorted(asked_by)) if asked_by else {}
    once = [
        r for r in runs if (d := documents[r.run_id]) is not None and r.number == 0 and d.again.rule != "each_cause"
    ]
    earlier = await store.get_earlier(tx, once, people) if once else {}
    return {
        run.run_id: RunFacts(
            standings[run.key],
            [at for one in people[run.key] for at in known[one].purchases],
            states.get(run.run_id, {}),
            earlier.get(run.run_id, ()),
            coupons[run.key],
            clicked.get(run.run_id, ()),
            declined.get(run.key, ()) if run.run_id in waiting_for_one else (),
        )
        for run in runs
    }

"""Events that ask for messages, and the facts that messages, and runs through flows, rest on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.bus.subscriptions import Batch
from common.events import Event
from common.events.customers import Channel
from common.events.orders import OrderEvent, OrderLogisticsUpdated, OrderRefunded
from common.storage.database import Transaction
from messaging.commands.moves import wake_persons
from messaging.commands.recalling import recall_persons
from messaging.conditions.rules import complaint_of, purchases_of, stated
from messaging.conditions.state import OrderNews
from messaging.conditions.store import save_conditions, save_order_news, save_purchases
from messaging.flows.running.state import Run, run_id
from messaging.flows.running.store import insert_runs
from messaging.flows.starting import candidates_of, starts
from messaging.flows.state import Candidate, Start
from messaging.flows.store import insert_candidates
from messaging.flows.store_versions import get_books
from messaging.policy.state import in_force
from messaging.policy.store import get_versions
from messaging.standings.rules import standings_of
from messaging.standings.store import save_standings


async def on_orders(tx: Transaction, batch: Batch) -> None:
    """Keep what was said about orders and parcels, and start flows; an order also ends a lapse."""
    mine = [e for e in batch.events if e.subject is not None]
    await save_order_news(
        tx,
        [
            (e.customer, f"{e.source}#{e.id}", OrderNews(e.data.order_id, e.time, e.data))
            for e in mine
            if isinstance(e.data, OrderEvent | OrderRefunded | OrderLogisticsUpdated) and e.data.order_id is not None
        ],
    )
    bought = [(e.customer, at) for e in mine for at in purchases_of(e)]
    await save_purchases(tx, bought)
    await save_standings(tx, [(e.customer, e.time, s) for e in mine for s in standings_of(e)])
    await start_flows(tx, mine)
    await wake_persons(tx, bought)


async def on_conditions(tx: Transaction, batch: Batch) -> None:
    """What is so about a customer, and the flows that it starts, moves or ends."""
    mine = [e for e in batch.events if e.subject is not None]
    await save_conditions(tx, [(e.customer, e.time, c) for e in mine for c in stated(e)])
    said = [(e.customer, e.time, s) for e in mine for s in standings_of(e)]
    await save_standings(tx, said)
    await start_flows(tx, mine)
    await wake_persons(tx, [(key, at) for key, at, _ in said])


async def on_complaints(tx: Transaction, batch: Batch) -> None:
    """Tickets that pause the customer's marketing while they are open, and the flows that they start."""
    said = [(e, complaint_of(e)) for e in batch.events if e.subject is not None]
    paused = [(e.customer, e.time, condition) for e, condition in said if condition is not None]
    await save_conditions(tx, paused)
    await recall_persons(tx, {key for key, _, _ in paused})
    await start_flows(tx, [e for e, _ in said])


async def start_flows(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    """A flow of one message makes its candidates at once, on each channel that the shop's policy named when it
    happened; any other begins a run.

    Flows and policy are those of the event's time, so that a rebuild asks for the same.
    """
    if not events:
        return
    books = await get_books(tx, {e.shop for e in events})
    started = [(e, s) for e in events for s in starts(books[e.shop].at(e.time), e)]
    if not started:
        return
    versions = await get_versions(tx, {e.shop for e, s in started if s.document.at_once})
    candidates: list[Candidate] = []
    runs: list[Run] = []
    for event, start in started:
        if start.document.at_once:
            channels: Sequence[Channel] = in_force(versions[event.shop], event.time).policy.channels
            candidates += candidates_of(start, event, channels)
        else:
            runs.append(_run(event, start))
    await insert_candidates(tx, candidates)
    await insert_runs(tx, runs)


def _run(event: Event[Any], start: Start) -> Run:
    shop, customer = event.customer
    return Run(
        shop,
        customer,
        run_id(start.document.flow, start.cause, shop, customer),
        start.document.flow,
        start.version,
        start.cause,
        max(event.time, start.cause_at),
        start.details,
        start.condition,
        event.id,
        event.correlationid or event.id,
    )

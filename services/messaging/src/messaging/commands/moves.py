"""Moves of runs are kept, and ask for messages: as the sweep makes them, and as a rebuild reads them from the topic."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.events import CustomerKey, Event
from common.events.messages import FlowMoved
from common.people.store import get_people
from common.storage.database import Transaction
from messaging.flows.running import store
from messaging.flows.running.facts import candidates_in, move_of
from messaging.flows.store import insert_candidates


async def wake_persons(tx: Transaction, reached: Sequence[tuple[CustomerKey, datetime]]) -> None:
    """Look again at what the person is on the way through, under any identifier; a rebuild reads the moves back."""
    if tx.rebuilding or not reached:
        return
    people = await get_people(tx, {key for key, _ in reached})
    await store.wake_runs(tx, [(one, at) for key, at in reached for one in people[key]])


async def save_moves(tx: Transaction, events: Sequence[Event[FlowMoved]]) -> None:
    """Keep moves, and the candidates that they ask for. Idempotent; the customers are locked."""
    await store.save_moves(tx, [(e.customer, e.data.run_id, move_of(e), len(e.data.asked)) for e in events])
    await insert_candidates(tx, [c for event in events for c in candidates_in(event)])

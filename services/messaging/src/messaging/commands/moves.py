"""Moves of runs are kept, and ask for messages: as the sweep makes them, and as a rebuild reads them from the topic."""

from __future__ import annotations

from collections.abc import Sequence

from common.events import Event
from common.events.messages import FlowMoved
from common.storage.database import Transaction
from messaging.flows.running import store
from messaging.flows.running.facts import candidates_in, move_of
from messaging.flows.store import insert_candidates


async def save_moves(tx: Transaction, events: Sequence[Event[FlowMoved]]) -> None:
    """Keep moves, and the candidates that they ask for. Idempotent; the customers are locked."""
    await store.save_moves(tx, [(e.customer, e.data.run_id, move_of(e), len(e.data.asked)) for e in events])
    await insert_candidates(tx, [c for event in events for c in candidates_in(event)])

"""Leases of senders that died: their messages go back to the queue, or are in doubt where they may have left."""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from common.storage.database import Database, Transaction
from common.storage.failures import is_temporary
from common.time.clock import FixedClock
from messaging.delivery.outcomes.announcing import announce
from messaging.delivery.outcomes.rules import back, in_doubt
from messaging.delivery.store import queue
from messaging.delivery.store.doubt import count_unknown
from messaging.delivery.store.endings import end
from messaging.delivery.store.pauses import forget_address_pauses
from messaging.metrics import SENDS_UNKNOWN
from messaging.policy.store import get_policies

log = structlog.get_logger()
EVERY_S = 5.0
MOST = 200


async def end_expired(tx: Transaction) -> int:
    """End the leases of senders that died, on every channel; returns how many."""
    expired = await queue.lock_expired(tx, MOST)
    policies = await get_policies(tx, {m.about.shop for m in expired})
    replay, at = isinstance(tx.clock, FixedClock), tx.clock.now()
    ended = [
        in_doubt(m, policies[m.about.shop].policy, m.at if replay else at, "sender_died") if m.started else back(m, at)
        for m in expired
    ]
    await announce(tx, await end(tx, ended))
    return len(expired)


async def mind_expired(database: Database, stopping: asyncio.Event) -> None:
    """End what expired, every five seconds until `stopping`, forget old pauses, and count what is in doubt."""
    while not stopping.is_set():
        try:
            async with database.transaction() as tx:
                await end_expired(tx)
                await forget_address_pauses(tx)
                SENDS_UNKNOWN.set(await count_unknown(tx))
        except Exception as error:
            log.warning("expired_leases_failed", temporary=is_temporary(error), detail=repr(error)[:300])
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), EVERY_S)

"""Messages queued for a channel that this release has no sender for: they wait while fresh, and end as `no_sender`."""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from common.storage.database import Database, Transaction
from common.storage.failures import is_temporary
from common.time.clock import FixedClock
from messaging.channels.registry import CHANNELS
from messaging.delivery.outcomes.announcing import announce
from messaging.delivery.outcomes.rules import of_another_release
from messaging.delivery.store import queue
from messaging.delivery.store.endings import end
from messaging.flows.book import CAMPAIGN
from messaging.halts.state import NOT_HALTED, Halts
from messaging.halts.store import get_halts
from messaging.metrics import SENDS_BLOCKED, SENDS_WITHOUT_SENDER
from messaging.policy.store import get_policies

log = structlog.get_logger()
EVERY_S = 5.0
MOST = 200
"""Messages of one channel in a transaction."""


async def settle_without_sender(tx: Transaction) -> int:
    """Look at what is queued for channels without a sender, and due to be looked at; returns how many that were.

    A policy that named the channel, or a release that had its sender, decided them to be sent.
    """
    looked_at = 0
    replay = isinstance(tx.clock, FixedClock)
    for channel in await queue.channels_without_sender(tx, CHANNELS):
        leased = await queue.lease(tx, channel, MOST)
        policies = await get_policies(tx, {m.about.shop for m in leased})
        campaigning = {m.about.shop for m in leased if m.about.flow == CAMPAIGN}
        halts: Halts = await get_halts(tx, campaigning) if campaigning else {}
        ended = []
        for m in leased:
            at = m.at if replay else tx.clock.now()
            rested = halts.get((m.about.shop, m.cause), NOT_HALTED).rested(m.cause_at, at)
            policy = policies[m.about.shop].policy
            ended.append(of_another_release(m, "no_sender", policy, at, replay=replay, rested=rested))
        await announce(tx, await end(tx, ended))
        SENDS_BLOCKED.labels("no_sender").inc(sum(e.reason == "no_sender" for e in ended))
        looked_at += len(leased)
    return looked_at


async def mind_without_sender(database: Database, stopping: asyncio.Event) -> None:
    """Settle them every five seconds until `stopping`, and count what waits."""
    shown: set[str] = set()
    while not stopping.is_set():
        try:
            async with database.transaction() as tx:
                await settle_without_sender(tx)
                waiting = await queue.count_without_sender(tx, CHANNELS)
            for channel in shown | waiting.keys():
                SENDS_WITHOUT_SENDER.labels(channel).set(waiting.get(channel, 0))
            if waiting.keys() - shown:
                log.warning("no_sender", waiting=waiting)
            shown |= waiting.keys()
        except Exception as error:
            log.warning("without_sender_failed", temporary=is_temporary(error), detail=repr(error)[:300])
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), EVERY_S)


async def note_without_sender(tx: Transaction) -> str | None:
    """For readiness: how many messages wait for which channels that have no sender; None where none does."""
    waiting = await queue.count_without_sender(tx, CHANNELS)
    if not waiting:
        return None
    return "no sender for " + ", ".join(f"{channel}: {n} waiting" for channel, n in waiting.items())

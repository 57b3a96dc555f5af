"""Handles a part of a poll until it is done: waits for what is away, and halves what fails, down to the culprit."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from common.bus.fuse import FuseBlown
from common.bus.offsets import Fenced
from common.bus.parts import Part
from common.storage.failures import is_temporary, is_too_slow, where

log = structlog.get_logger()
RETRIES = 2
FIRST_WAIT_S, LONGEST_WAIT_S = 0.05, 5.0
MORE = 20
"""So many good batches after a slow one until the largest is tried again."""
HANDLER_FAILED = "handler_failed"


class Patience:
    """Pauses that a stop ends at once; `reason` says what the consumer, or a lane of it, waits for; None if neither.

    `most`: records that are handled at a time. What met a deadline of ours teaches it, through all polls to come: a
    batch that is too slow takes a minute to fail, and the next one would fail alike.
    """

    def __init__(self, stopping: asyncio.Event, limit: int = 1_000) -> None:
        self.stopping = stopping
        self._reasons: dict[object, str] = {}
        self._limit = self.most = limit

    @property
    def reason(self) -> str | None:
        return next(iter(self._reasons.values()), None)

    def works(self) -> None:
        """What this task waited for is there; another one may still wait."""
        self._reasons.pop(asyncio.current_task(), None)

    def clear(self) -> None:
        """Nothing is waited for."""
        self._reasons.clear()

    def too_slow(self, records: int) -> None:
        """So many were too many."""
        self.most = min(self.most, max(1, records // 2))

    def in_time(self, records: int) -> None:
        """So many were handled; where they were as many as are allowed, a few more are."""
        if records >= self.most:
            self.most = min(self._limit, self.most + max(1, self._limit // MORE))

    async def wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)

    async def mind(self, error: Exception, wait_s: float) -> float:
        """Note why, wait, and return how long to wait next time."""
        self._reasons[asyncio.current_task()] = reason = type(error).__name__
        log.warning("paused", reason=reason, detail=str(error)[:300])
        await self.wait(wait_s)
        return min(wait_s * 2, LONGEST_WAIT_S)


Unit = Callable[[Part], Awaitable[None]]
Answers = Callable[[], Awaitable[None]]


async def handle(part: Part, unit: Unit, answers: Answers, patience: Patience) -> None:
    """Run `unit` on the part, as many records at a time as are handled within our deadline."""
    while len(part.items) > patience.most:
        piece, part = part.split(patience.most)
        await _handle(piece, unit, answers, patience)
    await _handle(part, unit, answers, patience)


async def _handle(part: Part, unit: Unit, answers: Answers, patience: Patience, *, whole: bool = True) -> None:
    """Run `unit` on the part, in the halves of it that succeed.

    A lost database or broker is waited for, without limit. Everything else halves the part, our own deadline too, so
    that there is progress down to a single record, which is dead after some retries. `answers` asks the database
    something small: a deadline that it lets pass was no slow work, but a database that stood still.
    """
    tries, wait = 0, FIRST_WAIT_S
    while True:
        try:
            await unit(part)
            patience.works()
            patience.in_time(len(part.items))
            return
        except (Fenced, FuseBlown):
            raise
        except Exception as error:
            if patience.stopping.is_set():
                raise
            if await _is_away(error, answers):
                # A retry is harmless: the offsets fence it.
                wait = await patience.mind(error, wait)
                continue
            tries += 1
            slow = is_too_slow(error)
            if slow:
                patience.too_slow(len(part.items))
            single = len(part.items) == 1
            if tries <= RETRIES and (single or (whole and not slow)):
                await patience.wait(wait)
                continue
            log.warning("dead" if single else "halving", records=len(part.items), detail=where(error))
            if not single:
                for half in part.halves():
                    await _handle(half, unit, answers, patience, whole=False)
                return
            item = part.items[0]
            if item.dead is not None:
                # Not even to bury it succeeds.
                wait = await patience.mind(error, wait)
                continue
            item.dead = item.died(HANDLER_FAILED, where(error))


async def _is_away(error: Exception, answers: Callable[[], Awaitable[None]]) -> bool:
    if not is_too_slow(error):
        return is_temporary(error)
    try:
        await answers()
    except Exception:
        return True
    return False

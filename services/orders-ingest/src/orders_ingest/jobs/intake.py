"""Reading the shops' own Kafka topics: those switched on, taken up and put down while the service runs."""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from common.bus.broker import BrokerUnavailable, NoProgress, TopicMismatch, ensure_topics
from common.events.fields import check_shop
from common.process.runtime import Runtime
from common.storage.failures import passes
from orders_ingest.handlers.erasures import confirmations
from orders_ingest.handlers.intake_topics import reader
from orders_ingest.shops import store
from orders_ingest.shops.topics import topic_of

log = structlog.get_logger()
LOOK_S = 1.0


class Intake:
    """One consumer of all intake topics that are on, and of what other services confirm; another takes its place when
    their set changes.

    Offsets stand in the database, so the next consumer goes on where the one before ended.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._reading: asyncio.Task[None] | None = None
        self._refused: set[str] = set()
        self.topics: tuple[str, ...] = ()

    async def look(self) -> None:
        """Take up what was switched on and put down what was switched off.

        Raises what ended the consumer, once: the next look makes another.
        """
        async with self._runtime.database.transaction() as tx:
            shops = await store.list_intake_shops(tx)
        topics = tuple([topic for shop in shops if (topic := await self._there(shop)) is not None])
        if topics != self.topics or self._reading is None:
            await self.close()
            self.topics = topics
            read = reader(self._runtime, *topics) if topics else None
            raw = [confirmations(), *([read] if read is not None else [])]
            self._runtime.consumer = self._runtime.make_consumer(raw)
            self._reading = asyncio.create_task(self._runtime.consumer.run(), name="intake consumer")
            log.info("intake_topics", topics=len(topics))
        if self._reading is not None and self._reading.done():
            ended, self._reading = self._reading, None
            ended.result()

    async def close(self) -> None:
        consumer, self._runtime.consumer = self._runtime.consumer, None
        reading, self._reading = self._reading, None
        if consumer is None:
            return
        await consumer.stop()
        try:
            if reading is not None:
                await reading
        finally:
            await consumer.stop()  # closes a connection that was being made meanwhile

    async def _there(self, shop: str) -> str | None:
        """The shop's topic, made where it is missing; None where it cannot be, which stops no other shop's."""
        topic = topic_of(shop)
        if topic.name in self.topics:
            return topic.name
        try:
            check_shop(shop)
            await ensure_topics(self._runtime.settings.kafka_bootstrap_servers, [topic])
        except (ValueError, TopicMismatch, BrokerUnavailable) as error:
            if shop not in self._refused:
                log.warning("intake_topic_left_out", topic=topic.name, detail=str(error)[:300])
                self._refused.add(shop)
            return None
        self._refused.discard(shop)
        return topic.name


async def read_intake(runtime: Runtime) -> None:
    """For the process's life; a lost database or broker is waited for.

    A consumer that is stuck (K15) is made anew and ends no process: this one answers callers, who need no Kafka.
    """
    intake = Intake(runtime)
    try:
        while not runtime.stopping.is_set():
            try:
                await intake.look()
            except Exception as error:
                if not passes(error) and not isinstance(error, NoProgress):
                    raise
                log.warning("intake_paused", reason=type(error).__name__, detail=str(error)[:300])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(runtime.stopping.wait(), LOOK_S)
    finally:
        await intake.close()

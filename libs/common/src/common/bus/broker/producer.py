"""Ordered, idempotent publishing that counts what Kafka has acknowledged."""

import asyncio
import logging
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.codec import has_lz4
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from aiokafka.partitioner import murmur2

from common.bus.broker.connecting import connect, end_tasks_and_connections
from common.bus.broker.errors import BrokerUnavailable, MessageRefused
from common.bus.broker.records import Outgoing, Position
from common.bus.broker.security import client_options
from common.bus.broker.session import MAX_MESSAGE_BYTES

log = logging.getLogger(__name__)
OPEN_TIMEOUT_S = 10.0
BATCH_BYTES = 256 * 1024
"""Of one Kafka batch before compression; a larger message goes alone."""
# Only size is the message's own fault. A topic that is missing or forbidden is mended by an operator, and waited for.
_REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError)
_CLOSED = (TopicAuthorizationFailedError, InvalidTopicError, UnknownTopicOrPartitionError)
_FAILURES = (KafkaError, OSError, TimeoutError, AssertionError)
_murmur2 = lru_cache(16_384)(murmur2)  # Python, byte by byte; a key comes again and again


class _Stopped(Exception):
    """Those before one message are acknowledged, and that one cannot be sent."""

    def __init__(self, sent: int, error: KafkaError) -> None:
        super().__init__(repr(error))
        self.sent, self.error = sent, error


class Producer:
    """Idempotent, acknowledged by all copies in sync, compressed. After any error the inner producer is thrown away.

    An error never means "not published": what was not counted may be in the log, so send it again and let the
    consumers' inbox drop the repeat.

    A partition never has two batches under way. A batch that was refused would else be overtaken by the next one of
    its partition: a broker that knows no number of this producer yet takes any as the first.
    """

    def __init__(self, servers: str, *, client: str) -> None:
        self._servers = servers
        self._client = client
        self._inner: Any = None
        self._opened = 0
        self.failed: str | None = None
        """The last error of a send, for the operator."""
        self.closed_topic: str | None = None
        """The topic, forbidden or missing, at which the last send ended; others may be open."""

    @property
    def recreated(self) -> int:
        """How often the inner producer was thrown away and made anew."""
        return max(0, self._opened - 1)

    async def start(self) -> None:
        """Connect. Raises BrokerUnavailable; send would connect as well."""
        await self._open(OPEN_TIMEOUT_S)

    async def send(self, messages: Sequence[Outgoing], timeout_s: float = 10) -> int:
        """Publish, in order of each key; return how many, from the first on, Kafka has. Of the rest nothing is known.

        All go together and are counted together; one after the other where Kafka refuses a batch, which does not say
        for which message. Raises BrokerUnavailable when Kafka cannot be reached at all, and MessageRefused when the
        first message can never be published as it is.
        """
        if not messages:
            return 0
        deadline = asyncio.get_running_loop().time() + timeout_s
        self.closed_topic = None
        try:
            async with self._opened_until(deadline) as inner:
                await self._send_together(inner, messages)
                return len(messages)
        except _Stopped as stopped:
            return self._ended(messages, stopped.sent, stopped.error)
        except (*_REFUSALS, *_CLOSED):
            return await self._send_singly(messages, deadline)
        except _FAILURES:
            return 0

    async def stop(self, timeout_s: float = 5) -> None:
        """Close the connections. Nothing is left to flush, since every send waits for its answers. Idempotent."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._discard(None)
        except TimeoutError:
            log.warning("the producer did not close within %s s and was dropped", timeout_s)

    async def _send_singly(self, messages: Sequence[Outgoing], deadline: float) -> int:
        """As `send`, but each is acknowledged before the next goes."""
        sent = 0
        try:
            async with self._opened_until(deadline) as inner:
                for message in messages:
                    await self._send_together(inner, [message])
                    sent += 1
        except _Stopped as stopped:
            return self._ended(messages, sent, stopped.error)
        except (*_REFUSALS, *_CLOSED) as error:
            return self._ended(messages, sent, error)
        except _FAILURES:
            pass
        return sent

    def _ended(self, messages: Sequence[Outgoing], sent: int, error: KafkaError) -> int:
        """What `send` answers when that many were sent and the next one cannot be."""
        refused = messages[sent]
        if isinstance(error, _CLOSED):
            self.closed_topic = refused.topic
        elif sent == 0:
            raise MessageRefused(f"topic {refused.topic}, key {refused.key!r}: {error}") from error
        return sent

    async def _send_together(self, inner: Any, messages: Sequence[Outgoing]) -> None:
        """One batch a partition, in one request to each broker; what fills more than one waits for the next round.

        Raises _Stopped when all were sent up to one that cannot be, else the first error of a batch.
        """
        waiting, stopped = await self._batches(inner, messages)
        while waiting:
            # None of these waits: aiokafka's sender finds all of them when it runs.
            under_way = [
                await inner.send_batch(batches.popleft(), partition.topic, partition=partition.partition)
                for partition, batches in waiting.items()
            ]
            await asyncio.gather(*under_way)
            waiting = {partition: batches for partition, batches in waiting.items() if batches}
        if stopped is not None:
            raise stopped

    async def _batches(
        self, inner: Any, messages: Sequence[Outgoing]
    ) -> tuple[dict[Position, deque[Any]], _Stopped | None]:
        """The messages in batches by partition, up to the first that is too large or whose topic is closed."""
        partitions: dict[str, list[int]] = {}
        found: dict[Position, deque[Any]] = defaultdict(deque)
        stopped = None
        now_ms = int(time.time() * 1000)
        for number, each in enumerate(messages):
            try:
                if len(each.value or b"") > MAX_MESSAGE_BYTES:
                    raise MessageSizeTooLargeError(f"more than {MAX_MESSAGE_BYTES} bytes")
                if each.topic not in partitions:
                    partitions[each.topic] = sorted(await inner.partitions_for(each.topic))
            except (*_REFUSALS, *_CLOSED) as error:
                stopped = _Stopped(number, error)
                break
            batches = found[Position(each.topic, _partition_of(each, partitions[each.topic]))]
            record = {"timestamp": now_ms, "key": each.key, "value": each.value, "headers": list(each.headers.items())}
            if not batches or batches[-1].append(**record) is None:  # None: it is full
                batches.append(inner.create_batch())
                batches[-1].append(**record)
        for batches in found.values():
            for batch in batches:
                batch.close()  # an open one would be waited with for more
        return found, stopped

    @asynccontextmanager
    async def _opened_until(self, deadline: float) -> AsyncIterator[Any]:
        """The inner producer. After any error, or cancelled, it is dropped: its buffer must not be sent later."""
        inner = await self._open(deadline - asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout_at(deadline):
                yield inner
        except BaseException as error:
            self.failed = repr(error)[:300]
            await self._discard(error)
            raise

    async def _open(self, timeout_s: float) -> Any:
        if self._inner is None:
            inner = AIOKafkaProducer(
                **client_options(),
                bootstrap_servers=self._servers,
                client_id=self._client,
                acks="all",  # K9
                enable_idempotence=True,
                compression_type="lz4" if has_lz4() else "gzip",
                max_batch_size=BATCH_BYTES,
                max_request_size=MAX_MESSAGE_BYTES,
                request_timeout_ms=5_000,
            )
            try:
                async with asyncio.timeout(timeout_s):
                    await connect(inner)
            except BaseException as error:
                await _abandon(inner)
                if isinstance(error, KafkaError | OSError | TimeoutError):
                    raise BrokerUnavailable(f"cannot connect to Kafka: {error!r}") from error
                raise
            self._inner = inner
            self._opened += 1
        return self._inner

    async def _discard(self, reason: BaseException | None) -> None:
        inner, self._inner = self._inner, None
        if inner is not None:
            if reason is not None:
                log.warning("producer %s is made anew: %r", self._client, reason)
            await _abandon(inner)


def _partition_of(message: Outgoing, partitions: Sequence[int]) -> int:
    """The one that was asked for, or by the key's hash, as the Java client has it."""
    if message.partition is not None:
        return message.partition
    number: int = _murmur2(message.key or b"") & 0x7FFFFFFF
    return partitions[number % len(partitions)]


async def _abandon(inner: Any) -> None:
    """End it without its own stop(), which waits for a broker without limit (K7). Takes at most 1.5 s."""
    inner._closed = True
    task = inner._sender.sender_task
    await end_tasks_and_connections([task] if task is not None else [], inner.client)

"""Ordered, idempotent publishing that counts what Kafka has acknowledged."""

import asyncio
import logging
from collections.abc import Sequence
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

from common.bus.broker.connecting import connect, end_tasks_and_connections
from common.bus.broker.errors import BrokerUnavailable, MessageRefused
from common.bus.broker.records import Outgoing
from common.bus.broker.session import MAX_MESSAGE_BYTES

log = logging.getLogger(__name__)
OPEN_TIMEOUT_S = 10.0
# Only size is the message's own fault. A topic that is missing or forbidden is mended by an operator, and waited for.
_REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError)
_CLOSED = (TopicAuthorizationFailedError, InvalidTopicError, UnknownTopicOrPartitionError)


class Producer:
    """Idempotent, acknowledged by all copies in sync, compressed. After any error the inner producer is thrown away.

    An error never means "not published": what was not counted may be in the log, so send it again and let the
    consumers' inbox drop the repeat.
    """

    def __init__(self, servers: str, *, client: str, linger_ms: int = 5) -> None:
        self._servers = servers
        self._client = client
        self._linger_ms = linger_ms
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
        """Publish in order; return how many, counted from the first, Kafka has. Of the rest nothing is known.

        Raises BrokerUnavailable when Kafka cannot be reached at all, and MessageRefused when the first message can
        never be published as it is.
        """
        if not messages:
            return 0
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        inner = await self._open(timeout_s)
        acknowledged, self.closed_topic = 0, None
        try:
            async with asyncio.timeout_at(deadline):
                futures, refusal = await self._enqueue(inner, messages)
                for future in futures:
                    await asyncio.shield(future)
                    acknowledged += 1
                if isinstance(refusal, _CLOSED):
                    raise refusal
        except _REFUSALS as error:
            # The broker refuses a whole batch of records: the first message alone shows whether it is the culprit.
            await self._discard(error)
            if acknowledged == 0 and len(messages) > 1:
                return await self.send(messages[:1], max(0.1, deadline - loop.time()))
            refusal = error
        except (KafkaError, OSError, TimeoutError, AssertionError) as error:
            self.failed = repr(error)[:300]
            if isinstance(error, _CLOSED):
                self.closed_topic = messages[acknowledged].topic
            await self._discard(error)
            return acknowledged
        except BaseException as error:  # cancelled: what lies in the buffer must not be sent later, behind our back
            await self._discard(error)
            raise
        if acknowledged == 0 and refusal is not None:
            raise MessageRefused(f"topic {messages[0].topic}, key {messages[0].key!r}: {refusal}") from refusal
        return acknowledged

    async def stop(self, timeout_s: float = 5) -> None:
        """Close the connections. Nothing is left to flush, since every send waits for its answers. Idempotent."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._discard(None)
        except TimeoutError:
            log.warning("the producer did not close within %s s and was dropped", timeout_s)

    async def _enqueue(
        self, inner: Any, messages: Sequence[Outgoing]
    ) -> tuple[list[asyncio.Future[Any]], KafkaError | None]:
        """Hand over to aiokafka, up to the first message that it refuses by itself or whose topic is closed."""
        futures: list[asyncio.Future[Any]] = []
        for each in messages:
            headers = list(each.headers.items())
            try:
                future = await inner.send(each.topic, each.value, each.key, each.partition, headers=headers)
            except (*_REFUSALS, *_CLOSED) as error:
                return futures, error
            # Of those behind a failed one the error is of no interest.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
            futures.append(future)
        return futures, None

    async def _open(self, timeout_s: float) -> Any:
        if self._inner is None:
            inner = AIOKafkaProducer(
                bootstrap_servers=self._servers,
                client_id=self._client,
                acks="all",  # K9
                enable_idempotence=True,
                compression_type="lz4" if has_lz4() else "gzip",
                linger_ms=self._linger_ms,
                max_batch_size=256 * 1024,
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


async def _abandon(inner: Any) -> None:
    """End it without its own stop(), which waits for a broker without limit (K7). Takes at most 1.5 s."""
    inner._closed = True
    task = inner._sender.sender_task
    await end_tasks_and_connections([task] if task is not None else [], inner.client)

"""Handing text messages to a gateway, so that each failure says what is known; what is in doubt is looked up."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from messaging.channels.protocol import Connection, Delivery, MayLeave, Trouble, always
from messaging.channels.sms.bucket import TokenBucket
from messaging.channels.sms.message import Asked, Gateway, SmsMessage
from messaging.channels.sms.settings import SmsSettings
from messaging.metrics import SMS_COST, SMS_SEGMENTS

STOP_WITHIN_S = 10.0
"""At the end of the process a gateway that has the message is waited for so long; then the message is in doubt."""
MOST = 256 * 1024
"""Bytes of an answer that are read; fifty details take some 40,000."""
LOOK_UP_EVERY_S = 1.0
# The libraries log each request with its URL, which may hold a number.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class _KeptBack(Exception):
    def __init__(self, delivery: Delivery) -> None:
        super().__init__(delivery.reason)
        self.delivery = delivery


class SmsConnection(Connection):
    """A client for one task. Each message has a connection of its own: on one that is kept, an answer that does not
    come would not tell whether the gateway had the message."""

    def __init__(self, gateway: Gateway | None, bucket: TokenBucket, settings: SmsSettings) -> None:
        self._gateway = gateway
        self._bucket = bucket
        self._settings = settings
        self._client: httpx.AsyncClient | None = None
        self._has_message = False
        self._waiting: asyncio.Timeout | None = None
        self._abandoned = asyncio.Event()

    def abandon(self) -> None:
        """Start nothing any more; a gateway that was not given the message is not waited for, any other 10 s."""
        self._abandoned.set()
        if self._waiting is not None:
            left = STOP_WITHIN_S if self._has_message else 0
            self._waiting.reschedule(asyncio.get_running_loop().time() + left)

    async def close(self) -> None:
        """Let go of the client."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def deliver(self, message: SmsMessage, may_leave: MayLeave = always) -> Delivery:
        """Hand over one message, when its turn has come. `may_leave` is asked when the connection stands, before the
        first byte of the request."""
        if self._gateway is None:
            trouble = Trouble("channel", True, "settings", "sms_not_set_up", away=True)
            return Delivery("withheld", "sms_not_set_up", "settings", trouble=trouble)
        with contextlib.suppress(TimeoutError):
            wait_s = self._bucket.reserve(asyncio.get_running_loop().time())
            await asyncio.wait_for(self._abandoned.wait(), wait_s)
        if self._abandoned.is_set():
            return Delivery("stopped")
        since = _now()
        found = await self._sent(self._gateway, message, may_leave)
        if found.outcome == "unknown" and await self._was_taken(self._gateway, message, since):
            found = Delivery("accepted")
        if found.outcome == "accepted":
            SMS_SEGMENTS.labels(message.segments.encoding).inc(message.segments.parts)
            SMS_COST.inc(float(self._settings.sms_segment_cost * message.segments.parts))
        return found

    async def _sent(self, gateway: Gateway, message: SmsMessage, may_leave: MayLeave) -> Delivery:
        self._has_message = False

        async def at_the_last_moment(event: str, _info: Any) -> None:
            if event == "http11.send_request_headers.started":
                reason = await may_leave()
                if reason is not None:
                    raise _KeptBack(Delivery("forbidden", reason, "request"))
                if self._abandoned.is_set():  # while the gateway was not waited for: the message would be in doubt
                    raise _KeptBack(Delivery("stopped"))
                self._has_message = True

        within_s = self._settings.sms_connect_s + self._settings.sms_answer_s
        try:
            # The client's own deadlines are for each read: a gateway that sends a byte now and then would never end.
            async with asyncio.timeout(within_s) as self._waiting:
                asked = gateway.send(message, _now(), str(uuid.uuid4()))
                return gateway.delivery(*await self._answer(asked, at_the_last_moment))
        except _KeptBack as kept:
            return kept.delivery
        except (httpx.HTTPError, OSError) as error:
            if self._has_message:
                return Delivery("unknown", "no_answer", "answer")
            if self._abandoned.is_set():
                return Delivery("stopped")
            reason = _cause(error)
            return Delivery(
                "withheld", reason, "connect", trouble=Trouble("channel", True, "connect", reason, away=True)
            )
        finally:
            self._waiting = None

    async def _was_taken(self, gateway: Gateway, message: SmsMessage, since: datetime) -> bool:
        """Ask the gateway for the message until it names it, or the time is up; it is never sent again for that."""
        until = asyncio.get_running_loop().time() + self._settings.sms_look_up_s
        while not self._abandoned.is_set():
            left = until - asyncio.get_running_loop().time()
            if left <= 0:
                break
            with contextlib.suppress(httpx.HTTPError, OSError):
                async with asyncio.timeout(left):
                    asked = gateway.look_up(message, since, _now(), str(uuid.uuid4()))
                    if gateway.has_it(message, since, *await self._answer(asked)):
                        return True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._abandoned.wait(), min(LOOK_UP_EVERY_S, max(0.0, left)))
        return False

    async def _answer(
        self, asked: Asked, trace: Callable[[str, Any], Awaitable[None]] | None = None
    ) -> tuple[int, bytes]:
        answer = bytearray()
        async with self._opened().stream(
            asked.method,
            asked.url,
            data=dict(asked.form) if asked.form is not None else None,
            auth=asked.auth,
            extensions={"trace": trace} if trace is not None else None,
        ) as response:
            async for piece in response.aiter_raw():
                answer += piece
                if len(answer) > MOST:
                    break
        return response.status_code, bytes(answer)

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            settings = self._settings
            # No proxy, password file or certificates from the environment; no redirect; nothing packed to be unpacked.
            self._client = httpx.AsyncClient(
                timeout=httpx.Timeout(settings.sms_answer_s, connect=settings.sms_connect_s),
                limits=httpx.Limits(max_keepalive_connections=0),
                headers={"accept": "application/json", "accept-encoding": "identity", "user-agent": "regulars"},
                follow_redirects=False,
                trust_env=False,
            )
        return self._client


def _now() -> datetime:
    """By the wall clock, in a replay too: what is compared with a gateway's clock."""
    return datetime.now(UTC)


def _cause(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "timeout"
    return "connection_refused" if isinstance(error, httpx.ConnectError) else "connection_lost"

"""Posting messages to a robot's webhook, so that each failure says what is known."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx

from messaging.channels.chat.answers import delivery_of
from messaging.channels.chat.message import ChatMessage
from messaging.channels.chat.settings import ChatSettings
from messaging.channels.protocol import Connection, Delivery, MayLeave, Trouble, always

STOP_WITHIN_S = 10.0
"""At the end of the process a robot that has the message is waited for so long; then the message is in doubt."""
MOST = 64 * 1024
"""Bytes of an answer that are read; the documented one has some forty."""
# The libraries log each request with its URL, which holds the robot's key.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class _KeptBack(Exception):
    def __init__(self, delivery: Delivery) -> None:
        super().__init__(delivery.reason)
        self.delivery = delivery


class ChatConnection(Connection):
    """A client for one task. Each message has a connection of its own: on one that is kept, an answer that does not
    come would not tell whether the robot had the message."""

    def __init__(self, settings: ChatSettings) -> None:
        self._settings = settings
        self._client: httpx.AsyncClient | None = None
        self._has_message = False
        self._waiting: asyncio.Timeout | None = None
        self._abandoned = False

    def abandon(self) -> None:
        """Start nothing any more; a robot that was not given the message is not waited for, any other 10 s."""
        self._abandoned = True
        if self._waiting is not None:
            left = STOP_WITHIN_S if self._has_message else 0
            self._waiting.reschedule(asyncio.get_running_loop().time() + left)

    async def close(self) -> None:
        """Let go of the client."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def deliver(self, message: ChatMessage, may_leave: MayLeave = always) -> Delivery:
        """Post one message. `may_leave` is asked when the connection stands, before the first byte of the request."""
        if self._abandoned:
            return Delivery("stopped")
        self._has_message = False
        within_s = self._settings.chat_connect_s + self._settings.chat_answer_s
        try:
            # The client's own deadlines are for each read: a robot that sends a byte now and then would never end.
            async with asyncio.timeout(within_s) as self._waiting:
                return await self._post(message, may_leave)
        except _KeptBack as kept:
            return kept.delivery
        except (httpx.HTTPError, OSError) as error:
            if self._has_message:
                return Delivery("unknown", "no_answer", "answer")
            if self._abandoned:
                return Delivery("stopped")
            reason = _cause(error)
            return Delivery(
                "withheld", reason, "connect", trouble=Trouble("address", True, "connect", reason, away=True)
            )
        finally:
            self._waiting = None

    async def _post(self, message: ChatMessage, may_leave: MayLeave) -> Delivery:
        async def at_the_last_moment(event: str, _info: Any) -> None:
            if event == "http11.send_request_headers.started":
                reason = await may_leave()
                if reason is not None:
                    raise _KeptBack(Delivery("forbidden", reason, "request"))
                if self._abandoned:  # while the robot was not waited for: the message would be in doubt
                    raise _KeptBack(Delivery("stopped"))
                self._has_message = True

        answer = bytearray()
        async with self._opened().stream(
            "POST", message.url, content=message.body(), extensions={"trace": at_the_last_moment}
        ) as response:
            async for piece in response.aiter_raw():
                answer += piece
                if len(answer) > MOST:
                    break
        return delivery_of(response.status_code, bytes(answer))

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            settings = self._settings
            # No proxy, password file or certificates from the environment; no redirect; nothing packed to be unpacked.
            self._client = httpx.AsyncClient(
                timeout=httpx.Timeout(settings.chat_answer_s, connect=settings.chat_connect_s),
                limits=httpx.Limits(max_keepalive_connections=0),
                headers={"content-type": "application/json", "accept-encoding": "identity", "user-agent": "regulars"},
                follow_redirects=False,
                trust_env=False,
            )
        return self._client


def _cause(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "timeout"
    return "connection_refused" if isinstance(error, httpx.ConnectError) else "connection_lost"

"""Handing over one message by one HTTP request, so that each failure says what is known of the message."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from messaging.channels.protocol import Delivery, MayLeave, Trouble

STOP_WITHIN_S = 10.0
"""At the end of the process a provider that has the message is waited for so long; then the message is in doubt."""
# The libraries log each request with its URL, which may hold a number or a robot's key.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Asked:
    """An HTTP request; with a form or other content where it has a body."""

    method: str
    url: str = field(repr=False)
    form: Mapping[str, str] | None = None
    auth: tuple[str, str] | None = field(default=None, repr=False)
    content: bytes | None = None
    headers: Mapping[str, str] | None = field(default=None, repr=False)


class _KeptBack(Exception):
    def __init__(self, delivery: Delivery) -> None:
        super().__init__(delivery.reason)
        self.delivery = delivery


class HandOver:
    """A client for one task. Each message has a connection of its own: on one that is kept, an answer that does not
    come would not tell whether the provider had the message.

    `scope`: what a provider that cannot be reached is paused for. `most`: bytes of an answer that are read.
    """

    def __init__(
        self,
        scope: Literal["channel", "address"],
        connect_s: float,
        answer_s: float,
        headers: Mapping[str, str],
        most: int,
    ) -> None:
        self._scope = scope
        self._connect_s, self._answer_s = connect_s, answer_s
        self._headers, self._most = dict(headers), most
        self._client: httpx.AsyncClient | None = None
        self._has_message = False
        self._waiting: asyncio.Timeout | None = None
        self.abandoned = asyncio.Event()

    def abandon(self) -> None:
        """Start nothing any more; a provider that was not given the message is not waited for, any other 10 s."""
        self.abandoned.set()
        if self._waiting is not None:
            left = STOP_WITHIN_S if self._has_message else 0
            self._waiting.reschedule(asyncio.get_running_loop().time() + left)

    async def close(self) -> None:
        """Let go of the client."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def rest(self, seconds: float) -> None:
        """Wait so long, or until the process ends."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.abandoned.wait(), seconds)

    async def hand_over(self, asked: Asked, may_leave: MayLeave, read: Callable[[int, bytes], Delivery]) -> Delivery:
        """Send the request; `read` says what its answer, (status, body), means. `may_leave` is asked when the
        connection stands, before the first byte of the request."""
        if self.abandoned.is_set():
            return Delivery("stopped")
        self._has_message = False

        async def at_the_last_moment(event: str, _info: Any) -> None:
            if event == "http11.send_request_headers.started":
                reason = await may_leave()
                if reason is not None:
                    raise _KeptBack(Delivery("forbidden", reason, "request"))
                if self.abandoned.is_set():  # while nobody was waited for: the message would be in doubt
                    raise _KeptBack(Delivery("stopped"))
                self._has_message = True

        try:
            # The client's own deadlines are for each read: who sends a byte now and then would never end.
            async with asyncio.timeout(self._connect_s + self._answer_s) as self._waiting:
                return read(*await self.answer(asked, at_the_last_moment))
        except _KeptBack as kept:
            return kept.delivery
        except (httpx.HTTPError, OSError) as error:
            if self._has_message:
                return Delivery("unknown", "no_answer", "answer")
            if self.abandoned.is_set():
                return Delivery("stopped")
            reason = _cause(error)
            trouble = Trouble(self._scope, True, "connect", reason, away=True)
            return Delivery("withheld", reason, "connect", trouble=trouble)
        finally:
            self._waiting = None

    async def answer(
        self, asked: Asked, trace: Callable[[str, Any], Awaitable[None]] | None = None
    ) -> tuple[int, bytes]:
        """The status and what is read of the body. Raises httpx.HTTPError and OSError."""
        answer = bytearray()
        async with self._opened().stream(
            asked.method,
            asked.url,
            data=dict(asked.form) if asked.form is not None else None,
            content=asked.content,
            auth=asked.auth,
            headers=dict(asked.headers) if asked.headers is not None else None,
            extensions={"trace": trace} if trace is not None else None,
        ) as response:
            async for piece in response.aiter_raw():
                answer += piece
                if len(answer) > self._most:
                    break
        return response.status_code, bytes(answer)

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            # No proxy, password file or certificates from the environment; no redirect; nothing packed to be unpacked.
            self._client = httpx.AsyncClient(
                timeout=httpx.Timeout(self._answer_s, connect=self._connect_s),
                limits=httpx.Limits(max_keepalive_connections=0),
                headers={**self._headers, "accept-encoding": "identity", "user-agent": "regulars"},
                follow_redirects=False,
                trust_env=False,
            )
        return self._client


def _cause(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "timeout"
    return "connection_refused" if isinstance(error, httpx.ConnectError) else "connection_lost"

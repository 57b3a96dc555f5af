"""How much may one request, or one caller, ask for? Size, nesting and slowness of bodies; requests a second."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable
from itertools import accumulate

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.logs import CorrelationMiddleware
from common.problems import Problem

MAX_BODY = 10 * 1024 * 1024  # bytes
MAX_DEPTH = 64  # arrays and objects within one another
BODY_WITHIN_S = 30.0
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


class TooManyRequests(Problem):
    """The caller's bucket is empty; `Retry-After` says in how many seconds it holds one again."""

    def __init__(self, wait_s: float) -> None:
        seconds = max(1, round(wait_s + 0.5))
        super().__init__(429, "too_many_requests", f"Too many requests: try again in {seconds} s, or send batches.")
        self.headers = {"retry-after": str(seconds)}


class Buckets:
    """A token bucket per caller: `rate` requests a second, twice as many at once. The longest idle are forgotten."""

    def __init__(self, rate: float, monotonic: Callable[[], float], kept: int = 10_000) -> None:
        self._rate, self._size, self._monotonic, self._kept = rate, 2 * rate, monotonic, kept
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> None:
        """Take one token. Raises TooManyRequests."""
        now = self._monotonic()
        level, since = self._levels.pop(caller, (self._size, now))
        level = min(self._size, level + (now - since) * self._rate)
        if level < 1:
            self._levels[caller] = level, now
            raise TooManyRequests((1 - level) / self._rate)
        self._levels[caller] = level - 1, now
        if len(self._levels) > self._kept:
            self._levels.popitem(last=False)


def depth(body: bytes) -> int:
    """How deep arrays and objects stand within one another in a JSON text."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return 0  # cannot be too deep: most bodies end here
    brackets = _STRING.sub(b"", body).translate(None, _NO_BRACKETS)
    return max(accumulate(_STEP[b] for b in brackets), default=0)


class JsonBodies:
    """Takes a JSON body whole before the app sees it: at most 10 MB, 64 deep, within 30 seconds.

    Other bodies pass as a stream; FastAPI's `max_body_size`, of the app or of a route, limits those.
    """

    def __init__(self, app: ASGIApp, within_s: float = BODY_WITHIN_S) -> None:
        self.app = app
        self._within_s = within_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"]) if scope["type"] == "http" else {}
        if b"json" not in headers.get(b"content-type", b"").lower():
            await self.app(scope, receive, send)
            return
        try:
            body = await self._read(headers, receive)
            if body is None:
                return  # the caller has gone
            if depth(body) > MAX_DEPTH:
                raise Problem(422, "nested_too_deeply", f"The JSON is nested deeper than {MAX_DEPTH}; flatten it.")
        except Problem as problem:
            await problem.response(scope["path"])(scope, receive, send)
            return
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return waiting.pop() if waiting else await receive()

        await self.app(scope, replay, send)

    async def _read(self, headers: dict[bytes, bytes], receive: Receive) -> bytes | None:
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > MAX_BODY:
            raise _too_large()
        parts, size = [], 0
        try:
            async with asyncio.timeout(self._within_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > MAX_BODY:
                        raise _too_large()
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            raise Problem(
                408, "body_too_slow", f"The body did not come within {self._within_s:g} s; send smaller ones."
            ) from None


def _too_large() -> Problem:
    problem = Problem(413, "body_too_large", "The body is larger than 10 MB; send it in smaller parts.", limit=MAX_BODY)
    problem.headers = {"connection": "close"}
    return problem


def install(app: FastAPI) -> None:
    """Put the limits on every route of the app, and a correlation id on every request and its log lines."""
    app.add_middleware(JsonBodies)
    app.add_middleware(CorrelationMiddleware)  # added last, so it stands outermost

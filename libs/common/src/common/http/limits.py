"""What one request, or one caller, may ask for: size, nesting, slowness and texts of bodies; requests a second."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from fastapi import Depends, FastAPI, Request
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.events.fields import MAX_BODY, MAX_PATH
from common.http.heads import Heads
from common.http.problems import Problem, invalid_request
from common.process.logs import CorrelationMiddleware
from common.process.tracing import TraceMiddleware
from common.values.nesting import MAX_DEPTH, TOO_DEEP, depth
from common.values.texts import find_unfit_json

MAX_NAMES = 200_000
"""Fields of all objects of a body: refusing each of a hostile 10 MB of them would stop the process for seconds."""
BODY_WITHIN_S = 30.0
LEAST_RATE = 16 * 1024
"""Bytes a second that a body larger than usual must bring after its first 30 seconds."""
UNFIT = "the text, or the name of a field, holds U+0000 or half a surrogate pair; leave that character out"
_LIMIT = "regulars.max_body"
_NAME_END = re.compile(rb'"[ \t\r\n]*:')


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


def has_too_many_names(body: bytes) -> bool:
    """Whether the objects of a JSON text have more than `MAX_NAMES` fields together."""
    if body.count(b":") <= MAX_NAMES:
        return False
    return sum(1 for _ in _NAME_END.finditer(body)) > MAX_NAMES


class Bodies:
    """Bounds every address and body: 10 MB and 30 seconds, beyond which the stream ends in a 413 or 408.

    `large_body` lets a route read more, for longer. What is in a body is judged by its route, after the caller was
    admitted (`read_judged`).
    """

    def __init__(self, app: ASGIApp, within_s: float = BODY_WITHIN_S) -> None:
        self.app = app
        self._within_s = within_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        try:
            _check_address(scope)
            await self.app(scope, _bounded(receive, scope, announced, self._within_s), send)
        except Problem as problem:
            await problem.response(scope["path"])(scope, receive, send)
        except ClientDisconnect:
            return  # nobody hears an answer


async def read_judged(scope: Scope, receive: Receive, *, texts: bool = True) -> Receive:
    """The body for a route to read. A JSON one is read whole: at most 64 deep, with texts that can be stored and
    not more fields than can be refused in time.

    The texts of events are judged by the door that takes them: of a batch (an array) each event alone; so are those of
    a route that has `texts_as_they_are` (`texts` False). Raises Problem.
    """
    headers = dict(scope["headers"])
    _check_encoding(headers)
    if b"json" not in headers.get(b"content-type", b"").lower():
        return receive
    body = await read_whole(receive)
    if depth(body) > MAX_DEPTH:
        raise Problem(422, "nested_too_deeply", f"The JSON is {TOO_DEEP}.")
    if has_too_many_names(body):
        raise Problem(422, "too_many_fields", f"The JSON has more than {MAX_NAMES:,} fields; send it in smaller parts.")
    unfit = find_unfit_json(body) if texts and not _of_events(headers, body) else None
    if unfit is not None:
        raise invalid_request([(unfit, UNFIT)])
    return replayed(body, receive)


async def read_whole(receive: Receive) -> bytes:
    """The body. Raises ClientDisconnect where the caller has gone meanwhile."""
    parts: list[bytes] = []
    while (message := await receive())["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
    raise ClientDisconnect


def replayed(body: bytes, receive: Receive) -> Receive:
    """What gives this body, and then what still comes."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _of_events(headers: dict[bytes, bytes], body: bytes) -> bool:
    return b"cloudevents" in headers.get(b"content-type", b"").lower() or body.lstrip()[:1] == b"["


def _check_address(scope: Scope) -> None:
    query = scope.get("query_string", b"")
    path = scope.get("raw_path") or scope["path"].encode()
    if len(path) + len(query) > MAX_PATH:
        raise Problem(414, "address_too_long", f"Path and query have at most {MAX_PATH:,} bytes; send less in them.")
    if "\x00" in scope["path"] or b"%00" in query:
        raise Problem(422, "invalid_request", "The address holds a NUL (%00), which no name has; leave it out.")
    if not (_is_utf8(path) and _is_utf8(query)):
        # Read with a mark in place of each such byte, two names would become one.
        raise Problem(422, "invalid_request", "The address is not UTF-8: write ü as %C3%BC, as it is in UTF-8.")


def _is_utf8(address: bytes) -> bool:
    try:
        unquote_to_bytes(address).decode()
    except UnicodeDecodeError:
        return False
    return True


def _check_encoding(headers: dict[bytes, bytes]) -> None:
    encoding = headers.get(b"content-encoding", b"identity").decode("latin-1").strip().lower()
    if encoding not in ("identity", ""):
        detail = f"Bodies are read as they are, not unpacked: send this one without Content-Encoding: {encoding[:40]}."
        raise Problem(415, "unsupported_encoding", detail)


class BodyTooLarge(Problem):
    fixed_headers = {"connection": "close"}  # noqa: RUF012  # the rest of the body is not read

    def __init__(self, limit: int) -> None:
        detail = f"The body is larger than {limit // 2**20} MB; send it in smaller parts."
        super().__init__(413, "body_too_large", detail, limit=limit)


class BodyTooSlow(Problem):
    fixed_headers = {"connection": "close"}  # noqa: RUF012  # the rest of the body is not read

    def __init__(self, within_s: float) -> None:
        super().__init__(408, "body_too_slow", f"The body did not come within {within_s:.0f} s; send smaller ones.")


def _bounded(receive: Receive, scope: Scope, announced: bytes, within_s: float) -> Receive:
    size, ended, began = 0, False, asyncio.get_running_loop().time()

    async def bounded() -> Message:
        nonlocal size, ended
        if ended:
            return await receive()  # a disconnect, which may come whenever it likes
        limit: int = scope.get(_LIMIT, MAX_BODY)
        if not announced.isdigit() or int(announced) > limit:
            raise BodyTooLarge(limit)
        allowed_s = within_s + (size / LEAST_RATE if _LIMIT in scope else 0)
        try:
            async with asyncio.timeout_at(began + allowed_s):
                message = await receive()
        except TimeoutError:
            raise BodyTooSlow(allowed_s) from None
        size += len(message.get("body", b""))
        ended = not message.get("more_body", False)
        if size > limit:
            raise BodyTooLarge(limit)
        return message

    return bounded


def large_body(limit: int) -> Any:
    """Dependency of a route that reads `request.stream()`: bodies that are no JSON may have `limit` bytes there,
    and take longer for what is beyond the usual."""

    async def allow(request: Request) -> None:
        request.scope[_LIMIT] = limit

    return Depends(allow)


async def texts_as_they_are() -> None:
    """Dependency of a route that takes what strangers wrote, and leaves out itself what nobody could store."""


def install(app: FastAPI) -> None:
    """Put the limits on every route of the app, and a correlation id on every request and its log lines."""
    app.add_middleware(Heads)
    app.add_middleware(Bodies)
    app.add_middleware(TraceMiddleware)
    app.add_middleware(CorrelationMiddleware)  # added last, so it stands outermost

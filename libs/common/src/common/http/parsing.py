"""The HTTP parser's own refusals, of what is no HTTP at all, comes too slowly or has no end, as problem details."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from common.http.problems import MEDIA_TYPE, Problem

HEAD_WITHIN_S = 30.0
"""From the connection, or the first byte after an answer, until a request's head must be whole; bodies have as long."""
MAX_HEAD = 64 * 1024
"""Bytes of a head that is not whole yet."""
_DETAIL = (
    "This is no HTTP request that can be read: look at its first line, its header names and values, and whether"
    " Content-Length and Transfer-Encoding are sent once and not both."
)


class Protocol(HttpToolsProtocol):
    """uvicorn's, which answers plain text there, and waits for a head for as long as it drips; no app is asked, for
    there is no request."""

    _late: asyncio.TimerHandle | None = None
    """Ends the connection; None while a request is answered, and between two, where uvicorn's `timeout_keep_alive`
    counts."""
    _answered: RequestResponseCycle | None = None
    """The request that is being answered; those of `pipeline` wait, and `cycle` is the newest of all."""
    _head: int | None = None
    """Bytes of the head that has begun, after the piece that it began in; None outside of one."""
    _last = False
    """Whether nothing is read any more, and the connection ends with the answer that is under way."""
    _begun = False
    """Whether a head has begun in the piece at hand: what stands before it there is the request before."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._last:
            return
        self._begun = False
        super().data_received(data)
        if self.transport.is_closing():
            return
        # What drips after an answer, a head or the rest of a body, holds the connection no longer.
        if self._late is None and (self.cycle is None or self.cycle.response_complete):
            self._wait()
        if self._head is not None and not self._begun:
            self._head += len(data)
            if self._head > MAX_HEAD:
                self._refuse(Problem(431, "head_too_large", "The request's first line and headers are too long."))

    def on_message_begin(self) -> None:
        self._head, self._begun = 0, True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head = None
        self._rest()
        super().on_headers_complete()
        if not self.pipeline:
            self._answered = self.cycle

    def on_message_complete(self) -> None:
        self._rest()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if self.pipeline:
            self._answered = self.pipeline[-1][0]
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer and close; what follows on the connection may be anything."""
        self._refuse(Problem(400, "invalid_http", _DETAIL))

    def _wait(self) -> None:
        self._late = self.loop.call_later(HEAD_WITHIN_S, self._give_up)

    def _rest(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        self._late = None
        self._refuse(Problem(408, "head_too_slow", f"The request's head was not whole within {HEAD_WITHIN_S:g} s."))

    def _refuse(self, problem: Problem) -> None:
        """Answer and close. Where the request before is not answered yet, its answer is the last one instead: this
        one would be taken for it."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and cycle.more_body and self.pipeline:
            self.pipeline.popleft()  # itself, which nobody has begun to answer
            cycle = self.pipeline[0][0] if self.pipeline else self._answered
        if cycle is not None and not cycle.response_complete:
            if not cycle.more_body:
                cycle.keep_alive = False
                self._last = True
                return
            if cycle.response_started:
                self.transport.close()
                return
        body = problem.body("")
        headers = {
            b"content-type": MEDIA_TYPE.encode(),
            b"content-length": str(len(body)).encode(),
            b"cache-control": b"no-store",
            b"connection": b"close",
        }
        lines = [STATUS_LINE[problem.status], *(b"%b: %b\r\n" % header for header in headers.items())]
        self.transport.write(b"".join([*lines, b"\r\n", body]))
        self.transport.close()

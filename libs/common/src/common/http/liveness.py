"""Liveness from a thread of its own: a batch that keeps the event loop busy for seconds is no death.

A probe that the loop itself answers would have a process killed in the middle of its longest batch, whose work is then
done again, as long, in the next one. What a restart mends is a loop that does not turn any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BEAT_S = 1.0
DEAD_AFTER_S = 120.0
"""Twice the longest unit of work: who has not come back to the event loop by then does not come back."""
SILENT_S = 10.0


class Pulse:
    """When the event loop last turned; beaten by the loop, read by a thread."""

    def __init__(self, dead_after_s: float = DEAD_AFTER_S) -> None:
        self._dead_after_s = dead_after_s
        self._at = time.monotonic()

    @property
    def alive(self) -> bool:
        return time.monotonic() - self._at < self._dead_after_s

    async def beat(self, stopping: asyncio.Event) -> None:
        """Until `stopping` is set."""
        while not stopping.is_set():
            self._at = time.monotonic()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), BEAT_S)


def answer_in_thread(pulse: Pulse, host: str, port: int) -> ThreadingHTTPServer:
    """Answer GET and HEAD /health/live: 200 while the event loop turns, 503 when it does not; `shutdown` ends it.

    Raises OSError where the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = SILENT_S  # or who says nothing holds a thread for ever

        def do_GET(self) -> None:
            body = b'{"status":"alive"}' if pulse.alive else b'{"status":"the event loop does not turn"}'
            code = 404 if self.path != "/health/live" else 200 if pulse.alive else 503
            self.send_response(code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body) if code != 404 else 0))
            self.end_headers()
            if self.command == "GET" and code != 404:
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Probes are not logged."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="liveness", daemon=True).start()
    return server

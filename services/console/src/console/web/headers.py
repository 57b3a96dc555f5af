"""Headers of every answer: a strict policy for content, no framing, nothing stored by caches."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Headers:
    """Adds HEADERS to every answer; `Cache-Control: no-store` where the answer says nothing of caches."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self.app = app
        self._more = {"strict-transport-security": "max-age=31536000"} if https else {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in (HEADERS | self._more).items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
                headers.add_vary_header("HX-Request")
                headers.add_vary_header("Cookie")
            await send(message)

        await self.app(scope, receive, answer)

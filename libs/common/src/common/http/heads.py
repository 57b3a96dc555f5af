"""HEAD, answered wherever GET is: the same status and headers, without the body (RFC 9110, 9.3.2)."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

ASKED_AS = "regulars.asked_as"
"""In the scope: `HEAD`, of a request that the app is asked as a GET; for who counts what is read."""


class Heads:
    """Asks the app as for a GET, and keeps its body back."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def bare(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app({**scope, "method": "GET", ASKED_AS: "HEAD"}, receive, bare)

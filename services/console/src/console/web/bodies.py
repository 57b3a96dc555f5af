"""Bounds the bodies of requests before anything reads them; who sends a file is looked at before it is read."""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from common.events.fields import MAX_FILE

MAX_FORM = 1_000_000
_FILES = ("/imports", "/imports/preview", "/mended")
"""Ends of the paths that take files."""


class Bodies:
    """413 for a form of more than 1 MB, or a file of more than imports take; 411 where the length is not said."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        most = MAX_FILE + MAX_FORM if scope["path"].endswith(_FILES) else MAX_FORM
        length = dict(scope["headers"]).get(b"content-length", b"")
        if not length.isdigit():
            await PlainTextResponse("The length of the form must be said.", 411)(scope, receive, send)
        elif int(length) > most:
            await PlainTextResponse("This is larger than any form of ours.", 413)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

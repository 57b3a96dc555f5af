"""The HTTP parser's own refusals, of what is no HTTP at all, as problem details like every other failure."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from common.http.problems import MEDIA_TYPE, Problem

_DETAIL = (
    "This is no HTTP request that can be read: look at its first line, its header names and values, and whether"
    " Content-Length and Transfer-Encoding are sent once and not both."
)


class Protocol(HttpToolsProtocol):
    """uvicorn's, which answers plain text there; no app is asked, for there is no request."""

    def send_400_response(self, msg: str) -> None:
        """Answer and close; what follows on the connection may be anything."""
        body = Problem(400, "invalid_http", _DETAIL).body("")
        headers = {
            b"content-type": MEDIA_TYPE.encode(),
            b"content-length": str(len(body)).encode(),
            b"cache-control": b"no-store",
            b"connection": b"close",
        }
        lines = [STATUS_LINE[400], *(b"%b: %b\r\n" % header for header in headers.items())]
        self.transport.write(b"".join([*lines, b"\r\n", body]))
        self.transport.close()

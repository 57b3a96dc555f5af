"""A mail server that only counts, so that a sender is measured and not its server: `python -m bench.mail_server FILE`.

Takes every mail, answers it once its Message-ID is a line of FILE, and prints its port. The stack's own sink parses
and keeps each mail, which takes it as long as sending takes the sender.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import IO, cast

import uvloop

_ID = re.compile(rb"(?im)^message-id: *<([^@>]*)")
_ANSWERS = {
    b"EHLO": b"250-counting\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}


class Counting(asyncio.Protocol):
    """One connection: SMTP's commands by line, a text up to the line with the one dot (RFC 5321)."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self._rest, self._in_text = file, b"", False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._transport.write(b"220 counting\r\n")

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while self._one():
            pass

    def _one(self) -> bool:
        """Answer one command or text; False where none has come whole."""
        assert self._transport is not None
        what, found, rest = self._rest.partition(b"\r\n.\r\n" if self._in_text else b"\r\n")
        if not found:
            return False
        self._rest = rest
        if self._in_text:
            named = _ID.search(what)
            self._file.write((named[1].decode() if named else "?") + "\n")
            self._file.flush()
            self._in_text = False
            self._transport.write(b"250 taken\r\n")
            return True
        verb = what[:4].upper()
        self._in_text = verb == b"DATA"
        self._transport.write(_ANSWERS.get(verb, b"250 ok\r\n"))
        if verb == b"QUIT":
            self._transport.close()
        return True


async def _serve(path: Path) -> None:
    with path.open("a", encoding="ascii") as file:
        server = await asyncio.get_running_loop().create_server(lambda: Counting(file), "127.0.0.1", 0, backlog=1024)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1])))

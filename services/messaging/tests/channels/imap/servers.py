"""A mailbox's server (IMAP4rev1) on this machine, that misbehaves on demand."""

from __future__ import annotations

import contextlib
import re
import socketserver
import threading
from collections.abc import Iterator
from typing import Any, cast


class ImapServer:
    """Holds mails by their numbers; `trouble` names what goes wrong, None: nothing."""

    def __init__(self) -> None:
        self.mails: dict[int, bytes] = {}
        self.validity = 7
        self.trouble: str | None = None
        self.commands: list[str] = []
        self.port = 0

    def add(self, raw: bytes) -> int:
        """One more mail; returns its number."""
        uid = max(self.mails, default=0) + 1
        self.mails[uid] = raw
        return uid

    def answer(self, tag: str, command: str) -> bytes | None:
        """What is answered to a command; None: the connection is cut."""
        self.commands.append(command)
        verb, done = command.upper(), f"{tag} OK done\r\n".encode()
        if self.trouble == "cut" and verb.startswith("UID FETCH"):
            return None
        if self.trouble == "babble" and verb.startswith("UID"):
            return b"* \xff\xfe nonsense {\r\n" + f"{tag} PERHAPS\r\n".encode()
        if self.trouble == "silent" and verb.startswith("EXAMINE"):
            return b""
        if verb.startswith("CAPABILITY"):
            return b"* CAPABILITY IMAP4rev1\r\n" + done
        if verb.startswith("LOGIN"):
            return f"{tag} NO wrong\r\n".encode() if self.trouble == "login" else done
        if verb.startswith("EXAMINE"):
            if self.trouble == "folder":
                return f"{tag} NO none\r\n".encode()
            numbers = b"" if self.trouble == "unnumbered" else f"* OK [UIDVALIDITY {self.validity}] v\r\n".encode()
            return f"* {len(self.mails)} EXISTS\r\n".encode() + numbers + done
        if verb.startswith("UID SEARCH"):
            return self._found(verb) + done
        if verb.startswith("UID FETCH"):
            return self._mail(int(command.split()[2]), command) + done
        if verb.startswith("LOGOUT"):
            return b"* BYE bye\r\n" + done
        return f"{tag} BAD what\r\n".encode()

    def _found(self, verb: str) -> bytes:
        from_ = re.search(r"UID (\d+):\*", verb)
        least = int(from_[1]) if from_ else 0
        found = [uid for uid in self.mails if uid >= least]
        # As the RFC has it: `n:*` always names the last one.
        found = found or ([max(self.mails)] if from_ and self.mails else [])
        return f"* SEARCH {' '.join(map(str, found))}\r\n".encode()

    def _mail(self, uid: int, command: str) -> bytes:
        if self.trouble == "gone":
            return b""
        limit = re.search(r"<0\.(\d+)>", command)
        raw = self.mails[uid][: int(limit[1]) if limit else None]
        if self.trouble == "endless":
            return f"* 1 FETCH (UID {uid} BODY[]<0> {{99999999999}}\r\n".encode() + raw
        other = b"* 9 FETCH (UID 999 FLAGS (\\Seen))\r\n"
        return other + f"* 1 FETCH (UID {uid} BODY[]<0> {{{len(raw)}}}\r\n".encode() + raw + b")\r\n"


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        served = cast(Any, self.server).served
        with contextlib.suppress(ConnectionError):  # whoever asked has gone
            self.wfile.write(b"* OK ready\r\n")
            while line := self.rfile.readline(10_000):
                tag, _, command = line.decode().strip().partition(" ")
                answer = served.answer(tag, command)
                if answer is None:
                    return
                self.wfile.write(answer)


@contextlib.contextmanager
def imap_server() -> Iterator[ImapServer]:
    """One that runs on a free port of this machine."""
    served = ImapServer()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Session) as server:
        server.daemon_threads = True
        cast(Any, server).served = served
        served.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()

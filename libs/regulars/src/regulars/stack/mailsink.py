"""The mail sink of the local stack and the tests: a file with a JSON line a mail; none leaves the machine."""

import argparse
import asyncio
import email
import email.policy
import json
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from aiosmtpd.smtp import SMTP, Envelope, Session

_MAX_MAIL_BYTES = 10 * 1024 * 1024
_ACCEPTED = "250 OK"
GONE_DOMAIN = "gone.example.test"
"""Mailboxes of this domain do not exist: RCPT is refused for good, so that a bounce can be seen."""


@dataclass  # no slots: aiosmtpd looks at each member, which Python 3.11.2 (Debian 12) refuses of a class with them
class MailSink:
    """An SMTP server that takes every mail, and an HTTP server that answers ``GET /count`` with ``{"count": n}``.

    A mail is answered with 250 only after its line is in the file; what a former sink stored there counts as well.
    ``refused`` maps an address to the answer that RCPT gets ("550 5.1.1 no such user", "451 try later"); nobody has an
    address of `GONE_DOMAIN`. aiosmtpd
    finds the ``handle_`` methods by their names.
    """

    store: Path
    host: str = "127.0.0.1"
    port: int = 0
    http_port: int = 0
    refused: Mapping[str, str] = field(default_factory=dict)
    count: int = 0
    _file: IO[str] | None = None
    _servers: list[asyncio.Server] = field(default_factory=list)

    async def start(self) -> None:
        """Listen; a port of 0 becomes a free one and then stands in ``port`` and ``http_port``."""
        self.store.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.store.open("a+", encoding="utf-8")
        self._file.seek(0)
        self.count = sum(1 for _ in self._file)
        smtp = partial(
            SMTP, self, hostname="mailsink.invalid", enable_SMTPUTF8=True, data_size_limit=_MAX_MAIL_BYTES, ident="sink"
        )
        loop = asyncio.get_running_loop()
        # A sender under load opens hundreds of connections within a moment.
        smtp_server = await loop.create_server(smtp, self.host, self.port, backlog=1024)
        http_server = await asyncio.start_server(self._answer, self.host, self.http_port)
        self._servers = [smtp_server, http_server]
        self.port = smtp_server.sockets[0].getsockname()[1]
        self.http_port = http_server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and close the file. Idempotent."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def mails(self) -> list[dict[str, Any]]:
        """All mails accepted so far, oldest first."""
        return [json.loads(line) for line in self.store.read_text(encoding="utf-8").splitlines()]

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer RCPT: what ``refused`` says of the address, else 250."""
        if address in self.refused:
            return self.refused[address]
        if address.endswith(f"@{GONE_DOMAIN}"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return _ACCEPTED

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Store the mail, then answer 250."""
        if self._file is None:
            return "421 4.3.2 the sink is closing"
        content = envelope.content
        raw = content.encode() if isinstance(content, str) else content or b""
        line = json.dumps(_as_json(envelope, raw), ensure_ascii=False)
        self._file.write(line + "\n")
        self._file.flush()
        self.count += 1
        return _ACCEPTED

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await asyncio.wait_for(reader.readline(), 5)
            while (await asyncio.wait_for(reader.readline(), 5)).strip():
                pass
            known = request.split(b" ")[:2] == [b"GET", b"/count"]
            body = json.dumps({"count": self.count} if known else {"error": "ask GET /count"}).encode()
            status = b"200 OK" if known else b"404 Not Found"
            head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            writer.write(head % (status, len(body)) + body)
            await writer.drain()
        except (OSError, TimeoutError, ValueError):
            pass  # a client that left or never asked has nothing to learn from us
        finally:
            writer.close()


def _as_json(envelope: Envelope, raw: bytes) -> dict[str, Any]:
    # The old policy: the new one parses every address and parameter, some 3 ms a mail.
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    headers = [[name, _words(str(value))] for name, value in message.items()]
    first = {name.lower(): value for name, value in reversed(headers)}
    return {
        "at": datetime.now(UTC).isoformat(),
        "from": envelope.mail_from,
        "to": list(envelope.rcpt_tos),
        "subject": first.get("subject", ""),
        "message_id": first.get("message-id", ""),
        "headers": headers,
        "text": _text(message),
        "raw": raw.decode("utf-8", "replace"),
    }


def _words(value: str) -> str:
    """A header's value on one line, its encoded words (RFC 2047) decoded; as it stands where they are broken."""
    line = "".join(value.splitlines())
    if "=?" not in line:
        return line
    try:
        return str(make_header(decode_header(line)))
    except (HeaderParseError, LookupError, UnicodeError):
        return line


def _text(message: Message) -> str:
    """The plain part of the body, else the HTML part, else nothing."""
    parts = {part.get_content_type(): part for part in reversed(list(message.walk()))}
    part = parts.get("text/plain") or parts.get("text/html")
    payload = part.get_payload(decode=True) if part is not None else None
    if part is None or not isinstance(payload, bytes):
        return ""
    charset = part.get_content_charset("utf-8")
    try:
        text = payload.decode(charset, "replace")
    except LookupError:
        text = payload.decode("utf-8", "replace")
    return text.replace("\r\n", "\n")


async def serve(sink: MailSink) -> None:
    """Run until SIGTERM or SIGINT; the addresses stand on the first line of the output."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with sink:
        print(json.dumps({"smtp": f"{sink.host}:{sink.port}", "http": f"{sink.host}:{sink.http_port}"}), flush=True)
        await stopped.wait()


def main() -> None:
    """``python -m regulars.stack.mailsink --port P --store FILE.jsonl [--http-port P]``"""
    parser = argparse.ArgumentParser(description="A local SMTP server that stores mails and delivers none.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="SMTP port; 0 takes a free one")
    parser.add_argument("--http-port", type=int, default=0, help="port of GET /count; 0 takes a free one")
    parser.add_argument("--store", type=Path, required=True, help="file to append one JSON line per mail to")
    given = parser.parse_args()
    asyncio.run(serve(MailSink(given.store, given.host, given.port, given.http_port)))


if __name__ == "__main__":
    main()

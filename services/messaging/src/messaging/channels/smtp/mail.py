"""A mail as it goes over the wire (RFC 5322): text, or text and HTML (RFC 2046), in 7 bit."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

from common.values.addresses import InvalidAddress

_LONGEST = 900  # RFC 5322 allows 998 octets a line, the header's name included
_UNSAFE = re.compile(r"[\s<>\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail; `to`, `sender` and `reply_to` are bare addresses in the form of `mail_address`."""

    message_id: str
    sender: str
    sender_name: str
    to: str
    subject: str
    text: str
    date: datetime
    headers: Mapping[str, str]
    reply_to: str | None = None
    html: str | None = None

    @property
    def needs_utf8(self) -> bool:
        """Only a server that offers SMTPUTF8 (RFC 6531) takes this mail."""
        return not self.to.isascii()


def build(mail: Mail) -> bytes:
    """The mail with CRLF line ends. Raises InvalidAddress where an address would break out of its header.

    Written out here: `email.message` takes some 4 ms a mail, more than all the rest of sending it.
    """
    for address in (mail.to, mail.sender, mail.reply_to):
        if address is not None and ("@" not in address or _UNSAFE.search(address)):
            raise InvalidAddress("no mail can be sent to or from this address")
    domain = mail.sender.rpartition("@")[2]
    kind, body = _text("plain", mail.text) if mail.html is None else _alternatives(mail)
    headers = {
        "From": f"{_phrase(mail.sender_name)} <{mail.sender}>",
        **({"Reply-To": mail.reply_to} if mail.reply_to else {}),
        "To": mail.to,
        "Subject": _words(mail.subject),
        "Date": format_datetime(mail.date),
        # Derived from the message, so that a recipient who gets it twice can tell.
        "Message-ID": f"<{mail.message_id}@{domain}>",
        "Auto-Submitted": "auto-generated",
        **mail.headers,
        "MIME-Version": "1.0",
        **kind,
    }
    # Beyond ASCII only where the recipient's address is, and then the server was asked first.
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
    return head + b"\r\n" + body


def _text(subtype: str, text: str) -> tuple[dict[str, str], bytes]:
    """The headers of a text, and its lines."""
    plain = text.isascii() and all(len(line) <= _LONGEST for line in text.splitlines())
    body = text.encode() if plain else base64.encodebytes(text.replace("\n", "\r\n").encode())
    headers = {
        "Content-Type": f"text/{subtype}; charset=utf-8",
        "Content-Transfer-Encoding": "7bit" if plain else "base64",
    }
    return headers, b"\r\n".join(body.splitlines()) + b"\r\n"


def _alternatives(mail: Mail) -> tuple[dict[str, str], bytes]:
    """The text, and the same as HTML: a mail program shows the last one that it can."""
    boundary = f"=_{mail.message_id}"
    parts = b""
    for headers, body in (_text("plain", mail.text), _text("html", mail.html or "")):
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        parts += f"--{boundary}\r\n{head}\r\n".encode() + body
    kind = {"Content-Type": f'multipart/alternative; boundary="{boundary}"'}
    return kind, parts + f"--{boundary}--\r\n".encode()


def _words(text: str) -> str:
    """A header's text on one logical line; what is not plain ASCII as encoded words (RFC 2047), folded."""
    text = " ".join(text.split())
    if text.isascii() and text.isprintable() and len(text) <= _LONGEST and "=?" not in text:
        return text
    return Header(text, "utf-8", maxlinelen=70).encode(linesep="\r\n")


def _phrase(name: str) -> str:
    """A display name: an encoded word, or quoted."""
    plain = " ".join(name.split())
    encoded = _words(plain)
    if encoded != plain:
        return encoded
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'

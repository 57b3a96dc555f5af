"""Signatures of mails (DKIM, RFC 6376): rsa-sha256, relaxed/relaxed, over the headers that a reader relies on."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

SIGNED = (
    "from", "reply-to", "to", "subject", "date", "message-id", "list-unsubscribe", "list-unsubscribe-post",
    "mime-version", "content-type", "content-transfer-encoding",
)  # fmt: skip
"""Of these the ones that the mail has; RFC 8058 asks that both headers of unsubscribing are signed."""
_BLANKS = re.compile(rb"[ \t]+")


class BadKey(ValueError):
    """The file is no RSA key of 1024 bits or more in PEM."""


@dataclass(frozen=True)
class Signer:
    """Signs mails of one domain, and of domains below it."""

    domain: str
    selector: str
    key: RSAPrivateKey = field(repr=False)

    @classmethod
    def read(cls, domain: str, selector: str, path: Path) -> Signer:
        """With the key in a file. Raises BadKey."""
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError):
            raise BadKey("cannot be read as a private key in PEM, without a password") from None
        if not isinstance(key, RSAPrivateKey) or key.key_size < 1024:
            raise BadKey("must be an RSA key of at least 1024 bits (2048 are usual)")
        return cls(domain.lower(), selector, key)

    def signs_for(self, sender: str) -> bool:
        """Whether the sender's address is of the domain: another domain's signature says nothing to DMARC."""
        of = sender.rpartition("@")[2].lower()
        return of == self.domain or of.endswith(f".{self.domain}")

    def signed(self, mail: bytes, at: datetime) -> bytes:
        """The mail with its signature before it."""
        head, _, body = mail.partition(b"\r\n\r\n")
        headers = _headers(head)
        # From once more than it is there: nobody adds a second one.
        names = [name for name in SIGNED if name in headers]
        value = (
            f"v=1; a=rsa-sha256; c=relaxed/relaxed; d={self.domain}; s={self.selector}; t={int(at.timestamp())};\r\n"
            f"\th={':'.join([*names, 'from'])};\r\n\tbh={_hash(relaxed_body(body))};\r\n\tb="
        ).encode()
        covered = b"".join(name.encode() + b":" + headers[name] + b"\r\n" for name in names)
        covered += b"dkim-signature:" + relaxed_value(value)
        signature = base64.b64encode(self.key.sign(covered, padding.PKCS1v15(), hashes.SHA256())).decode()
        lines = "\r\n\t".join(signature[n : n + 72] for n in range(0, len(signature), 72))
        return b"DKIM-Signature: " + value + lines.encode() + b"\r\n" + mail


def relaxed_body(body: bytes) -> bytes:
    """Blanks within lines are one, those at the end none, empty lines at the end none (RFC 6376, 3.4.4)."""
    lines = [_BLANKS.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def relaxed_value(value: bytes) -> bytes:
    """A header's value on one line, each run of blanks as one (RFC 6376, 3.4.2)."""
    return _BLANKS.sub(b" ", value.replace(b"\r\n", b"")).strip(b" ")


def _headers(head: bytes) -> dict[str, bytes]:
    """The headers by name, in their relaxed form; mails of ours have each once."""
    unfolded = re.sub(rb"\r\n(?=[ \t])", b"", head)
    found = (line.partition(b":") for line in unfolded.split(b"\r\n"))
    return {name.decode().strip().lower(): relaxed_value(value) for name, _, value in found}


def _hash(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()

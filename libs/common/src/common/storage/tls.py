"""TLS to PostgreSQL, as libpq's parameters in the address say it: ?sslmode=verify-full&sslrootcert=/path/ca.pem."""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

MODES = ("disable", "require", "verify-ca", "verify-full")
_OURS = ("sslmode", "sslrootcert")


class UnusableTls(ValueError):
    """The address asks for TLS in a way that cannot be; the message shows nothing else of it."""


def split_tls(url: str) -> tuple[str, dict[str, Any]]:
    """The address without these parameters, and asyncpg's arguments in their place. Raises UnusableTls.

    `require` encrypts and trusts anybody; `verify-full` trusts the authorities of `sslrootcert`, else the system's, and
    checks the host's name. Without `sslmode` asyncpg does as libpq does: TLS where it is offered, unverified.
    """
    parts = urlsplit(url)
    query = parse_qs(parts.query, keep_blank_values=True)
    mode, authorities = (query.pop(name, [None])[-1] for name in _OURS)
    plain = urlunsplit(parts._replace(query=urlencode(query, doseq=True)))
    if mode is None and authorities is None:
        return url, {}
    if mode not in MODES:
        raise UnusableTls(f"sslmode must be one of {', '.join(MODES)}")
    if mode == "disable":
        return plain, {"ssl": False}
    try:
        context = ssl.create_default_context(cafile=authorities)
    except (OSError, ssl.SSLError):
        raise UnusableTls("sslrootcert cannot be read as a PEM file of certificates") from None
    context.check_hostname = mode == "verify-full"
    if mode == "require":
        context.verify_mode = ssl.CERT_NONE
    return plain, {"ssl": context}

"""Forms that only our own pages can send: a token bound to the session, and the browser's word for the origin."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

_PATH = re.compile(r"/(?:[A-Za-z0-9._~%-][A-Za-z0-9._~%/:@?&=-]*)?")


def token_for(session: str) -> str:
    """The token of forms on pages of this session; whoever knows it does not know the session."""
    return hmac.new(session.encode(), b"form", hashlib.sha256).hexdigest()


def is_ours(session: str, given: str) -> bool:
    """Whether the form bears the session's token."""
    return hmac.compare_digest(token_for(session).encode(), given.encode("utf-8", "surrogatepass"))


def same_origin(headers: Mapping[str, str], public_url: str) -> bool:
    """Whether the browser says that the request comes from a page of ours.

    Browsers of the last years say Sec-Fetch-Site; else Origin must be ours. Neither: it is no browser's form.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    if origin is None:
        return False
    ours = urlsplit(public_url)
    return origin in (f"{ours.scheme}://{ours.netloc}", f"{ours.scheme}://{headers.get('host', '')}")


def new_form() -> str:
    """Names one form on one page: what is sent twice under one name is one action."""
    return secrets.token_urlsafe(18)


def safe_path(path: str | None) -> str:
    """The path to go on to after signing in; `/` for anything that could lead to another host."""
    return path if path is not None and len(path) < 500 and _PATH.fullmatch(path) else "/"

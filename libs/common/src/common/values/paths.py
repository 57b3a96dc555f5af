"""Ids as parts of paths: an identifier may hold `%` and `?`, and as it is would name another one."""

from __future__ import annotations

from urllib.parse import quote

DOTS = frozenset((".", ".."))
"""What names nothing in a path: browsers and proxies read it as a step up or none, however it is written."""
NO_STEP = "must not be `.` or `..`, which browsers and proxies take out of an address: choose another one"


def part(text: str) -> str:
    """The text as one segment of a path, whatever it holds."""
    return quote(text, safe="") if text not in DOTS else text.replace(".", "%2E")

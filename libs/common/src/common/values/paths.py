"""Ids as parts of paths: an identifier may hold `%`, `?` and be `..`, and as it is would name another one."""

from __future__ import annotations

from urllib.parse import quote


def part(text: str) -> str:
    """The text as one segment of a path, whatever it holds."""
    return quote(text, safe="") if text not in (".", "..") else text.replace(".", "%2E")

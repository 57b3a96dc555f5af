"""Ids as parts of paths, the services' and our own."""

from __future__ import annotations

from urllib.parse import quote


def part(text: str) -> str:
    """The text as one segment of a path, whatever it holds."""
    return quote(text, safe="") if text not in (".", "..") else text.replace(".", "%2E")

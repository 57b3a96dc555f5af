"""Texts that every reader can store: no U+0000 (PostgreSQL holds none), no lone surrogate (UTF-8 has none)."""

from __future__ import annotations

import json
import re
from typing import Any

UNFIT = re.compile("[\x00\ud800-\udfff]")
"""A character that no reader could store."""
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
"""The escapes that can make such a character in JSON; pairs of surrogates are among the suspects, and pass."""


def pointer_to(*path: str | int) -> str:
    """The JSON pointer (RFC 6901) of a path of names and positions."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def find_unfit(value: Any) -> str | None:
    """JSON pointer of the first text, or name of a field, in a decoded JSON value that no reader could store."""
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while waiting:
        path, found = waiting.pop()
        if isinstance(found, str):
            if UNFIT.search(found):
                return pointer_to(*path)
        elif isinstance(found, dict):
            if any(UNFIT.search(name) for name in found):
                return pointer_to(*path)  # the name itself cannot be shown
            waiting += (((*path, name), inner) for name, inner in reversed(found.items()))
        elif isinstance(found, list):
            waiting += (((*path, number), found[number]) for number in reversed(range(len(found))))
    return None


def find_unfit_json(raw: bytes) -> str | None:
    """The same of a JSON text, without decoding one that has no such escape; None also where it is no JSON."""
    if _SUSPECT.search(raw) is None:
        return None
    try:
        return find_unfit(json.loads(raw))  # orjson reads no lone surrogate
    except (ValueError, RecursionError):
        return None

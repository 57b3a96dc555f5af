"""Addresses in the headers of a mail, where names may hold what looks like one.

Read as they were written: an encoded word is never part of an address (RFC 2047, 6.2), though it may hold commas,
brackets and another customer's address when it is decoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.utils import getaddresses

_MOST = 50
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\([^()]*\)')
_ANGLE = re.compile(r"<\s*([^<>\s]{1,300}@[^<>\s]{1,300})\s*>")


def sender_in(text: str) -> str:
    """The address of a From header, encoded or as a provider decoded it; '' where there is none.

    The last one in brackets: a name stands before it, whatever it looks like.
    """
    bare = _QUOTED.sub(" ", text)
    read = bare if "@" in bare else text
    angles = _ANGLE.findall(read)
    return str(angles[-1]) if angles else next(iter(addresses_in([read])), "")


def addresses_in(texts: Iterable[str]) -> tuple[str, ...]:
    """The bare addresses in headers, each once, at most 50. Never raises."""
    try:
        named = getaddresses(list(texts))[:_MOST]
    except (RecursionError, ValueError, IndexError):
        return ()  # comments in comments: the library gives up
    return tuple(dict.fromkeys(address for _, address in named if "@" in address))

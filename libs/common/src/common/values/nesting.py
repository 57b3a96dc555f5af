"""How deep JSON may stand within itself: every reader follows it only so far."""

from __future__ import annotations

import re

MAX_DEPTH = 64  # arrays and objects within one another
TOO_DEEP = f"nested deeper than {MAX_DEPTH}; flatten it"
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)  # never goes back: linear in the text
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_AS_ARRAYS = bytes.maketrans(b"{}", b"[]")


def depth(body: bytes) -> int:
    """How deep arrays and objects stand within one another in a JSON text; it stops counting beyond `MAX_DEPTH`."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return 0  # cannot be too deep: most bodies end here
    brackets = _STRING.sub(b"", body).translate(_AS_ARRAYS, _NO_BRACKETS)
    for level in range(MAX_DEPTH + 1):
        # The innermost ones go, all at once.
        outer = brackets.replace(b"[]", b"")
        if len(outer) == len(brackets):
            return level + outer.count(b"[")  # nothing is left, or what is left has no end and is no JSON
        brackets = outer
    return MAX_DEPTH + 1

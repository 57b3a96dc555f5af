"""Words by which somebody opts out and in by text message: the whole message, and never a part of one (MSG-009)."""

from __future__ import annotations

import unicodedata
from typing import Literal

_OUT = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "t", "td", "退订", "退訂"})
_IN = frozenset({"start", "unstop", "订阅", "訂閱"})
_AROUND = " \t\r\n.,!?;:\"'“”‘’()[]【】。，！？；：、"


def keyword_of(text: str) -> Literal["out", "in"] | None:
    """Whether the whole text is such a word, in any letter case, width and quotes; "non-stop" is none."""
    word = unicodedata.normalize("NFKC", text).strip(_AROUND).casefold()
    if word in _OUT:
        return "out"
    return "in" if word in _IN else None

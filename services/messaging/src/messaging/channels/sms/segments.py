"""Parts that a text message is divided into, which is what a gateway charges for (3GPP TS 23.038, 23.040)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
"""Characters that take two septets, which stay together."""
Encoding = Literal["gsm7", "ucs2"]
_ROOM: dict[Encoding, tuple[int, int]] = {"gsm7": (160, 153), "ucs2": (70, 67)}
"""Units of a message in one part, and of each part of several, which also hold a header."""


class Segments(NamedTuple):
    """`units`: septets of GSM-7, UTF-16 code units of UCS-2."""

    encoding: Encoding
    units: int
    parts: int


def segments_of(text: str) -> Segments:
    """How the text is encoded and divided: UCS-2 as soon as one character is beyond GSM-7."""
    encoding: Encoding = "gsm7" if all(c in _BASIC or c in _EXTENDED for c in text) else "ucs2"
    sizes = [_size(c, encoding) for c in text]
    alone, of_several = _ROOM[encoding]
    units = sum(sizes)
    return Segments(encoding, units, 1 if units <= alone else _divided(sizes, of_several))


def _size(character: str, encoding: Encoding) -> int:
    if encoding == "gsm7":
        return 2 if character in _EXTENDED else 1
    return 2 if ord(character) > 0xFFFF else 1  # a surrogate pair


def _divided(sizes: Iterable[int], room: int) -> int:
    """Parts of characters that are never cut in two."""
    parts, used = 1, 0
    for size in sizes:
        if used + size > room:
            parts, used = parts + 1, 0
        used += size
    return parts

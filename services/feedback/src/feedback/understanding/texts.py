"""Texts in the form in which they are read: NFKC, simplified, lower case, without what does not show."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from opencc import OpenCC

MOST = 4_000
"""Characters of a text that are read."""
_CLAUSE = re.compile(r"[,.;!?~、。…\n\r|]+|(?<=[一-鿿]) +|\bbut\b|但是|不过|可是|就是")


@cache
def _simplified() -> OpenCC:
    return OpenCC("t2s")


def normal(text: str) -> str:
    """The text as words are looked up in it: full-width and traditional forms, capitals and format characters go."""
    found = unicodedata.normalize("NFKC", text[:MOST])
    found = "".join(
        " " if unicodedata.category(c) in ("Cc", "Cs") else c for c in found if unicodedata.category(c) != "Cf"
    )
    return str(_simplified().convert(found)).lower().replace("’", "'")


def clauses(text: str) -> list[str]:
    """The parts of a text in normal form that each say one thing."""
    return [part.strip() for part in _CLAUSE.split(text) if part and part.strip()]


def pattern(words: str | Iterable[str]) -> re.Pattern[str]:
    """Finds any of the words, the longest first: Chinese ones anywhere, English ones as whole words.

    A star at the end stands for any ending, a hyphen for the space between two words.
    """
    found = words.split() if isinstance(words, str) else words
    return re.compile("|".join(_one(word) for word in sorted(found, key=lambda word: (-len(word), word))))


def _one(word: str) -> str:
    if not word.isascii():
        return re.escape(word)
    ending = r"[a-z0-9]*" if word.endswith("*") else ""
    inner = re.escape(word.rstrip("*")).replace(r"\-", r"\s+")
    # No \b: between a Chinese character and a Latin one there is none.
    return rf"(?<![a-z0-9]){inner}{ending}(?![a-z0-9])"

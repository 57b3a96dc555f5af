"""Normal form of a person's name, whole and by its first parts: what a search for a name is compared with."""

from __future__ import annotations

import unicodedata

WORDS = 3
"""Of a name in words: how many of the first ones are kept as parts; the last word, the family's, is another."""
SIGNS = range(2, 4)
"""Of a name in Chinese signs: lengths of its kept beginnings. One sign alone, a family's, would find thousands."""


def normal(text: str) -> str:
    """Full width as half width, one case, single spaces; a dot between parts (`·`) counts as a space."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.replace("·", " ").split())


def parts_of(name: str) -> set[str]:
    """All forms under which somebody of that name is found: the whole, its first words, its last word.

    `Ann Mary Li`: ann, ann mary, ann mary li, li. `王小明`: 王小, 王小明. Nothing of an empty name.
    """
    whole = normal(name)
    words = whole.split()
    if not words:
        return set()
    begun = {" ".join(words[:n]) for n in range(1, min(WORDS, len(words)) + 1)}
    if len(words) == 1 and all(_is_han(sign) for sign in whole):
        begun = {whole[:n] for n in SIGNS if n <= len(whole)}
    return {whole, *begun, words[-1]}


def _is_han(sign: str) -> bool:
    """Whether the sign is one of the Chinese script, as its name in Unicode says."""
    return unicodedata.name(sign, "").startswith("CJK ")

"""Tags as people type them."""

from __future__ import annotations

from typing import NamedTuple

from common.values.paths import part

MOST_CHARACTERS = 100


class TagName(NamedTuple):
    """A tag as it is written, and in an address."""

    name: str
    path: str


def tag_of(typed: str) -> TagName | None:
    """The tag that somebody typed; None where it is none."""
    name = " ".join(typed.split())
    if not 0 < len(name) <= MOST_CHARACTERS or any(sign in name for sign in '"/#|') or not name.isprintable():
        return None
    return TagName(name, part(name))


def is_note(tag: str) -> bool:
    """Whether the tag says what somebody thinks of the customer, as segmentation reads it (SEG-067)."""
    kind, colon, text = tag.partition(":")
    return bool(colon and text.strip()) and kind.strip().lower() in ("need", "goal", "state")

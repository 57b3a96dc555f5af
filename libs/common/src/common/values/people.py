"""People as callers name them: who decided something, who proposed it."""

from __future__ import annotations

import unicodedata


def is_same_person(one: str, other: str) -> bool:
    """Whether two names that people type are one name: case, width, white space and what does not show are no
    difference. For rules that need two people (SEC-012)."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    shown = "".join(c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf")
    return "".join(shown.casefold().split())

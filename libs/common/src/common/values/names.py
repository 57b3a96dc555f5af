"""Names that people type: which of them are one name."""

from __future__ import annotations

import unicodedata


def plain_name(name: str) -> str:
    """The name without what is no difference to who reads it: case, width, white space, what does not show."""
    shown = "".join(c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf")
    return "".join(shown.casefold().split())
